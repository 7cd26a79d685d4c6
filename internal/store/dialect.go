package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"fresnel"
)

// errKind is what an engine's error means.
type errKind int

const (
	errOther errKind = iota
	errUnique
	errRetry // busy, deadlock, serialization: run the whole transaction again
	errGone  // the server went away
	errReadOnly
)

// dialect is all that differs between the engines.
type dialect interface {
	// bind rewrites ? placeholders for the engine.
	bind(query string) string
	// page limits a query that ends in ORDER BY to as many rows as its last
	// parameter says: a number in the text would make every limit a text of its own.
	page(query string) string
	// now is an expression: UTC micro-seconds by the database's clock.
	now() string
	// list is a subquery over the texts of one JSON-array parameter.
	list() string
	// numbers is a subquery over the integers of one JSON-array parameter.
	numbers() string
	// pairs is a table of one JSON parameter, an array of arrays of two texts: its
	// columns are a and b.
	pairs() string
	// contains is a question for the keys (arm) of a table's rows whose text in a
	// column may hold a part, by an index of trigrams; "" = it cannot help.
	contains(table, col, part string) (q string, arg any)
	// indexTexts puts the texts of a column of rows that are new, whose keys
	// (arm) are its parameter, into the index that contains asks; "" = the engine
	// does that itself.
	indexTexts(table, col string) string
	// forgetTexts takes the rows whose keys a question gives out of it.
	forgetTexts(table, col, keys string) string
	// has is the condition that a text has a part, letter by letter.
	has(col string) string
	// by names the index that a table is to be read by, after its alias; "" = the
	// engine knows its data well enough to find out.
	by(index string) string
	// insertAbsent inserts a row unless its key is there.
	insertAbsent(table string, cols []string) string
	// insertInts inserts rows of integer columns, given column by column. The
	// first keys columns are the table's key: the others are added to a row that
	// is there. With keys 0 every row is new.
	insertInts(exec func(q string, args ...any) error, table string, cols []string, keys int, values [][]int64) error
	// classify finds what an error of the engine means.
	classify(err error) errKind
	// migrateLock keeps other processes from migrating at the same time.
	migrateLock(ctx context.Context, db *sql.DB) (release func() error, err error)
}

// bindDollar numbers the placeholders $1, $2, ... outside quoted text.
func bindDollar(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n, quoted := 0, false
	for i := range len(query) {
		c := query[i]
		switch {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// wrap gives an engine's error the kind by which callers decide.
func (db *DB) wrap(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // engines word a cancelled statement in many ways
	}
	switch db.d.classify(err) {
	case errUnique:
		return &fresnel.Error{Kind: fresnel.Conflict, Msg: what + ": already there", Err: err}
	case errGone, errRetry:
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "the database does not answer", Do: "Try again; if it goes on, look at the database server.", Err: err}
	case errReadOnly:
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "the database is read-only", Do: "Give Fresnel's database user or file the right to write.", Err: err}
	}
	return &fresnel.Error{Kind: fresnel.Internal, Msg: "store: " + what, Err: err}
}
