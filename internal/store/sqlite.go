package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fresnel"
)

type sqliteDialect struct{ path string }

// Readers per process: two per core of a small machine. More readers starve
// the writer without answering faster.
const sqliteReaders = 4

func openSQLite(path string) (w, r *sql.DB, d dialect, err error) {
	if path == "" {
		return nil, nil, nil, fresnel.Errorf(fresnel.Invalid, "database URL sqlite: names no file: expected sqlite:PATH, for example sqlite:fresnel.db")
	}
	if err := checkWritable(path); err != nil {
		return nil, nil, nil, err
	}
	common := url.Values{"_pragma": {"busy_timeout(15000)", "foreign_keys(1)", "temp_store(1)"}}
	wq := url.Values{"_txlock": {"immediate"}}
	wq["_pragma"] = append(append([]string{}, common["_pragma"]...), "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-16000)")
	rq := url.Values{"_pragma": append(append([]string{}, common["_pragma"]...), "query_only(1)", "cache_size(-8000)")}
	esc := (&url.URL{Path: path}).EscapedPath()
	if w, err = sql.Open("sqlite", "file:"+esc+"?"+wq.Encode()); err != nil {
		return nil, nil, nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	if r, err = sql.Open("sqlite", "file:"+esc+"?"+rq.Encode()); err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("store: open %s: %w", path, err), w.Close())
	}
	w.SetMaxOpenConns(1)
	r.SetMaxOpenConns(sqliteReaders)
	r.SetMaxIdleConns(sqliteReaders)
	return w, r, sqliteDialect{path}, nil
}

// checkWritable turns the engine's "unable to open database file" into words.
func checkWritable(path string) error {
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return &fresnel.Error{Kind: fresnel.Invalid, Msg: fmt.Sprintf("the database folder %s does not exist", dir), Do: "Create it, or name another file in FRESNEL_DATABASE.", Err: err}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return &fresnel.Error{Kind: fresnel.Invalid, Msg: fmt.Sprintf("the database %s cannot be written", path), Do: "Give this user the right to write the file and its folder, or name another file in FRESNEL_DATABASE.", Err: err}
	}
	return f.Close()
}

func (sqliteDialect) bind(q string) string { return q }

func (sqliteDialect) page(q string) string { return q + " LIMIT ?" }

func (sqliteDialect) now() string { return "CAST(unixepoch('now','subsec')*1000000 AS INTEGER)" }

func (sqliteDialect) list() string { return "(SELECT value FROM json_each(?))" }

func (sqliteDialect) numbers() string { return "(SELECT value FROM json_each(?))" }

func (sqliteDialect) pairs() string {
	return "(SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b FROM json_each(?))"
}

// contains asks FTS5 for all trigrams of the part, each in quotes: detail=none
// knows no phrases.
func (sqliteDialect) contains(table, col, part string) (string, any) {
	runes := []rune(part)
	if len(runes) < 3 {
		return "", nil
	}
	var grams []string
	for i := range len(runes) - 2 {
		grams = append(grams, `"`+strings.ReplaceAll(string(runes[i:i+3]), `"`, `""`)+`"`)
	}
	index := table + "_" + col
	return "SELECT rowid AS arm FROM " + index + " WHERE " + index + " MATCH ?", strings.Join(grams, " AND ")
}

// indexTexts: FTS5 writes its index with every statement, so that a trigger for
// each row would cost more than the rows.
func (d sqliteDialect) indexTexts(table, col string) string {
	return "INSERT INTO " + table + "_" + col + " (rowid, " + col + ") SELECT arm, " + col + " FROM " + table + " WHERE arm IN " + d.numbers()
}

func (sqliteDialect) forgetTexts(table, col, keys string) string {
	return "DELETE FROM " + table + "_" + col + " WHERE rowid IN (" + keys + ")"
}

func (sqliteDialect) has(col string) string { return "INSTR(" + col + ", ?) > 0" }

// by: SQLite has no statistics, and of several indexes it takes the one with
// the most columns that are asked for, however many rows that means.
func (sqliteDialect) by(index string) string { return " INDEXED BY " + index }

func (sqliteDialect) insertAbsent(table string, cols []string) string {
	return "INSERT INTO " + table + " (" + strings.Join(cols, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(cols)-1) + ") ON CONFLICT DO NOTHING"
}

// insertInts writes up to 64 rows a statement: measured about twice as fast as
// one; of longer statements the parsing costs more than they save. What is left
// goes in halves, so that there are few texts and each is prepared once.
func (sqliteDialect) insertInts(exec func(q string, args ...any) error, table string, cols []string, keys int, values [][]int64) error {
	const most = 64
	n := len(values[0])
	row := "(?" + strings.Repeat(",?", len(cols)-1) + ")"
	head := "INSERT INTO " + table + " (" + strings.Join(cols, ", ") + ") VALUES " + row
	tail := orAdd(table, cols, keys)
	args := make([]any, 0, min(n, most)*len(cols))
	text, of := "", 0
	for from, size := 0, most; from < n; from += size {
		for size > n-from {
			size /= 2
		}
		if of != size {
			text, of = head+strings.Repeat(","+row, size-1)+tail, size
		}
		args = args[:0]
		for i := from; i < from+size; i++ {
			for _, col := range values {
				args = append(args, col[i])
			}
		}
		if err := exec(text, args...); err != nil {
			return err
		}
	}
	return nil
}

// orAdd is the end of an INSERT that adds to rows that are there, in the form
// that SQLite and PostgreSQL share.
func orAdd(table string, cols []string, keys int) string {
	if keys == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(" ON CONFLICT (" + strings.Join(cols[:keys], ", ") + ") DO UPDATE SET ")
	for i, c := range cols[keys:] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c + " = " + table + "." + c + " + excluded." + c)
	}
	return b.String()
}

func (sqliteDialect) classify(err error) errKind {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return errOther
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errUnique
	case sqlite3.SQLITE_READONLY:
		return errReadOnly
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return errRetry
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return errGone
	}
	return errOther
}

// migrateLock holds a write transaction on a side file: a lock in the database
// itself would block the migration, and a lock file would outlive a crash.
func (d sqliteDialect) migrateLock(ctx context.Context, _ *sql.DB) (func() error, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(300000)"}}
	esc := (&url.URL{Path: d.path + ".migrate"}).EscapedPath()
	side, err := sql.Open("sqlite", "file:"+esc+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	tx, err := side.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, side.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), side.Close()) }, nil
}
