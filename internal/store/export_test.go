package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
)

// Statements records every statement that goes through the dialect from now
// on, each once; call the result to get them.
func (db *DB) Statements() func() []string {
	s := &spy{dialect: db.d, seen: map[string]bool{}}
	db.d = s
	return s.statements
}

type spy struct {
	dialect
	mu   sync.Mutex
	seen map[string]bool
}

func (s *spy) bind(q string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[q] = true
	return s.dialect.bind(q)
}

func (s *spy) statements() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for q := range s.seen {
		out = append(out, q)
	}
	slices.Sort(out)
	return out
}

// Plan is SQLite's plan of a statement, step by step.
func (db *DB) Plan(ctx context.Context, q string) ([]string, error) {
	args := make([]any, strings.Count(q, "?"))
	rows, err := db.w.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q, args...)
	if err != nil {
		return nil, err
	}
	return scan(rows, func(r *sql.Rows, v *string) error {
		var id, parent, unused int
		return r.Scan(&id, &parent, &unused, v)
	})
}

// MaxPrepared is how many statements are kept.
const MaxPrepared = maxPrepared

// Ask asks for one number.
func (db *DB) Ask(ctx context.Context, q string, args ...any) (n int64, err error) {
	err = db.queryRow(ctx, q, args...).Scan(&n)
	return n, err
}

// Prepared counts the statements that are kept for reading and for writing.
func (db *DB) Prepared() (reads, writes int) {
	db.reads.mu.Lock()
	defer db.reads.mu.Unlock()
	db.writes.mu.Lock()
	defer db.writes.mu.Unlock()
	return len(db.reads.kept), len(db.writes.kept)
}

// MoveInSteps has Moved read a few episodes at once. Before any test begins.
func MoveInSteps(episodes int) { movedAtOnce = episodes }
