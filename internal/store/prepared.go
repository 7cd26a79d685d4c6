package store

import (
	"context"
	"database/sql"
	"sync"
)

// prepared keeps the statements of a pool by their text, at most maxPrepared:
// of a short question SQLite spends more on reading the text than on answering
// it. PostgreSQL's driver keeps its own; there the pool is nil.
type prepared struct {
	pool *sql.DB
	mu   sync.Mutex
	kept map[string]*statement
	want map[string]bool // asked for inside a transaction, to be prepared before the next
	tick int64
}

// statement is closed when nobody uses it any more.
type statement struct {
	*sql.Stmt
	users int
	last  int64
	gone  bool // evicted: its last user closes it
}

// Far more than the program has texts. One costs about 10 KB per connection.
const maxPrepared = 128

func newPrepared(pool *sql.DB) *prepared {
	return &prepared{pool: pool, kept: map[string]*statement{}, want: map[string]bool{}}
}

// take gives the statement of a text, or nil where it must be asked as text.
// What is taken is released, once the question has been put.
func (p *prepared) take(ctx context.Context, q string) *statement {
	if p.pool == nil {
		return nil
	}
	if s := p.have(q); s != nil {
		return s
	}
	made, err := p.pool.PrepareContext(ctx, q)
	if err != nil {
		return nil // the text itself will tell what is wrong
	}
	return p.keep(q, made)
}

// have is take without preparing.
func (p *prepared) have(q string) *statement {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.kept[q]
	if s != nil {
		p.use(s)
	}
	return s
}

func (p *prepared) use(s *statement) {
	p.tick++
	s.users, s.last = s.users+1, p.tick
}

func (p *prepared) keep(q string, made *sql.Stmt) *statement {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.kept[q]
	if s != nil {
		_ = made.Close() // another was faster
	} else {
		if len(p.kept) >= maxPrepared {
			p.evict()
		}
		s = &statement{Stmt: made}
		p.kept[q] = s
	}
	p.use(s)
	return s
}

// evict drops the text that was not asked for the longest.
func (p *prepared) evict() {
	var oldest string
	for q, s := range p.kept {
		if oldest == "" || s.last < p.kept[oldest].last {
			oldest = q
		}
	}
	s := p.kept[oldest]
	delete(p.kept, oldest)
	s.gone = true
	if s.users == 0 {
		_ = s.Close() // nothing was written through it
	}
}

func (p *prepared) release(s *statement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	if s.gone && s.users == 0 {
		_ = s.Close() // rows that are open keep it open
	}
}

// inTx gives the statement of a text for a transaction, or nil. The writing
// pool of SQLite has one connection, which the transaction holds: what is
// missing can only be prepared before the next one, by catchUp.
func (p *prepared) inTx(q string) *statement {
	if p.pool == nil {
		return nil
	}
	s := p.have(q)
	if s == nil {
		p.mu.Lock()
		p.want[q] = true
		p.mu.Unlock()
	}
	return s
}

// catchUp prepares what transactions have asked for.
func (p *prepared) catchUp(ctx context.Context) {
	p.mu.Lock()
	var want []string
	for q := range p.want {
		want = append(want, q)
	}
	clear(p.want)
	p.mu.Unlock()
	for _, q := range want {
		if s := p.take(ctx, q); s != nil {
			p.release(s)
		}
	}
}

func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for q, s := range p.kept {
		_ = s.Close() // the pool is closed next
		delete(p.kept, q)
	}
}

// query asks a question.
func (db *DB) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	q = db.d.bind(q)
	s := db.reads.take(ctx, q)
	if s == nil {
		return db.r.QueryContext(ctx, q, args...)
	}
	defer db.reads.release(s)
	return s.QueryContext(ctx, args...)
}

// queryRow asks for one row.
func (db *DB) queryRow(ctx context.Context, q string, args ...any) *sql.Row {
	q = db.d.bind(q)
	s := db.reads.take(ctx, q)
	if s == nil {
		return db.r.QueryRowContext(ctx, q, args...)
	}
	defer db.reads.release(s)
	return s.QueryRowContext(ctx, args...)
}

// txExec runs a statement of a transaction.
func (db *DB) txExec(ctx context.Context, tx *sql.Tx, q string, args ...any) (sql.Result, error) {
	q = db.d.bind(q)
	s := db.writes.inTx(q)
	if s == nil {
		return tx.ExecContext(ctx, q, args...)
	}
	defer db.writes.release(s)
	return tx.StmtContext(ctx, s.Stmt).ExecContext(ctx, args...)
}

// txQuery asks a question in a transaction.
func (db *DB) txQuery(ctx context.Context, tx *sql.Tx, q string, args ...any) (*sql.Rows, error) {
	q = db.d.bind(q)
	s := db.writes.inTx(q)
	if s == nil {
		return tx.QueryContext(ctx, q, args...)
	}
	defer db.writes.release(s)
	return tx.StmtContext(ctx, s.Stmt).QueryContext(ctx, args...)
}

// txQueryRow asks for one row in a transaction.
func (db *DB) txQueryRow(ctx context.Context, tx *sql.Tx, q string, args ...any) *sql.Row {
	q = db.d.bind(q)
	s := db.writes.inTx(q)
	if s == nil {
		return tx.QueryRowContext(ctx, q, args...)
	}
	defer db.writes.release(s)
	return tx.StmtContext(ctx, s.Stmt).QueryRowContext(ctx, args...)
}
