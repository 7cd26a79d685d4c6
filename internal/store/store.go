package store

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/sync/semaphore"

	"fresnel"
)

//go:embed migrations
var migrations embed.FS

// DB is an open database. Its methods may be used by several goroutines.
type DB struct {
	w, r       *sql.DB // SQLite has one writing connection; elsewhere both are one pool
	d          dialect
	engine     string
	log        *slog.Logger
	generation atomic.Int64
	dims       dims
	items      itemMemory
	classes    classMemory
	reads      *prepared           // of r
	writes     *prepared           // of w
	room       *semaphore.Weighted // for lines in work, see rowsInWork
}

// Open opens the database of a URL, sqlite:PATH or postgres://..., and brings
// its schema up to date. Processes that open it together wait for the one that
// migrates. It fails with Invalid on a URL, folder or schema that cannot be
// used, and with Unavailable when the server does not answer.
func Open(ctx context.Context, url string, log *slog.Logger) (*DB, error) {
	db, err := connect(url, log)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := db.Refresh(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func connect(url string, log *slog.Logger) (*DB, error) {
	db := &DB{log: log, room: semaphore.NewWeighted(rowsInWork)}
	var err error
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		db.engine = "sqlite"
		db.w, db.r, db.d, err = openSQLite(rest)
	case "postgres", "postgresql":
		db.engine = "postgres"
		db.w, db.r, db.d, err = openPostgres(url)
	default:
		err = fresnel.Errorf(fresnel.Invalid, "database URL scheme %.20q is not known: expected sqlite:PATH or postgres://...", scheme)
	}
	if err != nil {
		return nil, err
	}
	db.reads, db.writes = newPrepared(nil), newPrepared(nil)
	if db.engine == "sqlite" {
		db.reads, db.writes = newPrepared(db.r), newPrepared(db.w)
	}
	db.dims.init(db)
	return db, nil
}

// Close ends all connections.
func (db *DB) Close() error {
	db.reads.close()
	db.writes.close()
	if db.w == db.r {
		return db.w.Close()
	}
	return errors.Join(db.r.Close(), db.w.Close())
}

// Engine names the engine: sqlite or postgres.
func (db *DB) Engine() string { return db.engine }

// Ping asks the database for an answer.
func (db *DB) Ping(ctx context.Context) error {
	return db.wrap(ctx, "ping", db.r.PingContext(ctx))
}

func (db *DB) migrate(ctx context.Context) error {
	release, err := db.d.migrateLock(ctx, db.w)
	if err != nil {
		return db.unusable(ctx, err)
	}
	defer func() {
		if err := release(); err != nil {
			db.log.WarnContext(ctx, "migration lock not released", "err", err)
		}
	}()
	dir, err := fs.Sub(migrations, "migrations/"+db.engine)
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	gooseDialect := goose.DialectSQLite3
	if db.engine == "postgres" {
		gooseDialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(gooseDialect, db.w, dir, goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	has, want, err := p.GetVersions(ctx)
	if err != nil {
		return db.unusable(ctx, err)
	}
	if has > want {
		return &fresnel.Error{
			Kind: fresnel.Invalid,
			Msg:  fmt.Sprintf("the database has schema version %d, this program knows %d", has, want),
			Do:   "It was written by a newer Fresnel. Start that version, or name another database. Nothing was changed.",
		}
	}
	if has == want {
		return nil
	}
	done, err := p.Up(ctx)
	if err != nil {
		return db.unusable(ctx, err)
	}
	for _, m := range done {
		db.log.InfoContext(ctx, "migrated", "version", m.Source.Version, "dur", m.Duration.Round(time.Millisecond))
	}
	return nil
}

// unusable words an error of the first statements on a database: it is where
// a wrong file, server or password shows.
func (db *DB) unusable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &fresnel.Error{Kind: fresnel.Invalid, Msg: "the database cannot be used", Do: "Check FRESNEL_DATABASE: the file must be a Fresnel database or absent and its folder writable, the server reachable, user and password right.", Err: err}
	if k := db.d.classify(err); k == errGone || k == errRetry {
		e.Kind, e.Msg = fresnel.Unavailable, "the database does not answer"
	}
	return e
}

// Generation is the number of the data that readers see, as last known in
// this process. It rises with every change that a reader could notice.
func (db *DB) Generation() int64 { return db.generation.Load() }

// Refresh reads the generation, which other processes raise too.
func (db *DB) Refresh(ctx context.Context) (int64, error) {
	var g int64
	err := db.queryRow(ctx, "SELECT value FROM meta WHERE name = 'generation'").Scan(&g)
	if err != nil {
		return 0, db.wrap(ctx, "generation", err)
	}
	db.seen(g)
	return g, nil
}

func (db *DB) seen(g int64) {
	for {
		have := db.generation.Load()
		if g <= have || db.generation.CompareAndSwap(have, g) {
			return
		}
	}
}

// raise makes cached answers stale. It is the last statement of a transaction,
// because it takes a row that every writer needs.
func (db *DB) raise(ctx context.Context, tx *sql.Tx) (int64, error) {
	if _, err := db.txExec(ctx, tx, "UPDATE meta SET value = value + 1 WHERE name = 'generation'"); err != nil {
		return 0, err
	}
	var g int64
	err := db.txQueryRow(ctx, tx, "SELECT value FROM meta WHERE name = 'generation'").Scan(&g)
	return g, err
}

// tx runs f in a writing transaction, again from the start where the engine
// asks for it (busy, deadlock), at most five times. f must have no effect
// outside the transaction.
func (db *DB) tx(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	for try := 1; ; try++ {
		err := db.txOnce(ctx, f)
		var known *fresnel.Error
		if err == nil || errors.As(err, &known) {
			return err
		}
		if ctx.Err() != nil || try == 5 || db.d.classify(err) != errRetry {
			return db.wrap(ctx, what, err)
		}
		pause := time.Duration(try*try) * 10 * time.Millisecond
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause + rand.N(pause)): //nolint:gosec // jitter, not a secret
		}
	}
}

func (db *DB) txOnce(ctx context.Context, f func(tx *sql.Tx) error) error {
	db.writes.catchUp(ctx)
	tx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the error of f is the one to tell
		return err
	}
	return tx.Commit()
}

// exec runs one writing statement in its own transaction and gives the number
// of rows it changed.
func (db *DB) exec(ctx context.Context, what, q string, args ...any) (int64, error) {
	var n int64
	err := db.tx(ctx, what, func(tx *sql.Tx) error {
		res, err := db.txExec(ctx, tx, q, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// scan reads all rows of a query whose size the question bounds.
func scan[T any](rows *sql.Rows, one func(*sql.Rows, *T) error) ([]T, error) {
	defer rows.Close()
	var out []T
	var v T // one for all rows: its address is taken
	for rows.Next() {
		v = *new(T)
		if err := one(rows, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func jsonList[T ~string](ids []T) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = clean(string(id))
	}
	b, _ := json.Marshal(texts) // strings always marshal
	return string(b)
}

func jsonPairs(pairs [][2]string) string {
	for i := range pairs {
		pairs[i] = [2]string{clean(pairs[i][0]), clean(pairs[i][1])}
	}
	b, _ := json.Marshal(pairs) // texts always marshal
	return string(b)
}

func jsonNumbers(nums []int64) string {
	if len(nums) == 0 {
		return "[]" // of no list JSON makes null
	}
	b, _ := json.Marshal(nums) // integers always marshal
	return string(b)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func b01(b bool) int {
	if b {
		return 1
	}
	return 0
}
