package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"fresnel"
)

type postgresDialect struct{}

const postgresConns = 16

func openPostgres(dsn string) (w, r *sql.DB, d dialect, err error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx's text repeats the URL with its password.
		return nil, nil, nil, fresnel.Errorf(fresnel.Invalid, "the PostgreSQL URL cannot be read: expected postgres://user:password@host:5432/database?sslmode=require")
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(postgresConns)
	pool.SetMaxIdleConns(postgresConns / 2)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return pool, pool, postgresDialect{}, nil
}

func (postgresDialect) bind(q string) string { return bindDollar(q) }

func (postgresDialect) page(q string) string { return q + " LIMIT ?" }

func (postgresDialect) now() string {
	return "CAST(EXTRACT(EPOCH FROM clock_timestamp())*1000000 AS BIGINT)"
}

func (postgresDialect) list() string {
	return "(SELECT jsonb_array_elements_text(CAST(? AS jsonb)))"
}

func (postgresDialect) numbers() string {
	return "(SELECT CAST(jsonb_array_elements_text(CAST(? AS jsonb)) AS BIGINT))"
}

func (postgresDialect) pairs() string {
	return "(SELECT value->>0 AS a, value->>1 AS b FROM jsonb_array_elements(CAST(? AS jsonb)))"
}

// contains asks by LIKE: the index of trigrams serves it.
func (postgresDialect) contains(table, col, part string) (string, any) {
	return "SELECT arm FROM " + table + " WHERE gone_at = 0 AND " + col + " LIKE ? ESCAPE '~'", "%" + escapeLike(part) + "%"
}

func (postgresDialect) indexTexts(string, string) string { return "" }

func (postgresDialect) forgetTexts(string, string, string) string { return "" }

func (postgresDialect) has(col string) string { return "STRPOS(" + col + ", ?) > 0" }

func (postgresDialect) by(string) string { return "" }

func (postgresDialect) insertAbsent(table string, cols []string) string {
	return "INSERT INTO " + table + " (" + strings.Join(cols, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(cols)-1) + ") ON CONFLICT DO NOTHING"
}

// insertInts sends each column as one array: measured seven times as fast as
// multi-row VALUES, and it needs no driver connection as COPY does.
func (postgresDialect) insertInts(exec func(q string, args ...any) error, table string, cols []string, keys int, values [][]int64) error {
	args := make([]any, len(cols))
	marks := make([]string, len(cols))
	for i, v := range values {
		args[i] = v
		marks[i] = fmt.Sprintf("$%d::bigint[]", i+1)
	}
	return exec("INSERT INTO "+table+" ("+strings.Join(cols, ", ")+") SELECT * FROM unnest("+strings.Join(marks, ", ")+")"+orAdd(table, cols, keys), args...)
}

func (postgresDialect) classify(err error) errKind {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case e.Code == "23505":
			return errUnique
		case e.Code == "40001", e.Code == "40P01", e.Code == "55P03":
			return errRetry
		case e.Code == "25006":
			return errReadOnly
		case strings.HasPrefix(e.Code, "08"), strings.HasPrefix(e.Code, "57P"), e.Code == "53300":
			return errGone
		}
		return errOther
	}
	var netErr net.Error
	var connErr *pgconn.ConnectError
	if errors.As(err, &connErr) || errors.As(err, &netErr) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return errGone
	}
	return errOther
}

// migrateLockKey is the advisory lock's number: any constant will do, as long
// as it stays the same.
const migrateLockKey = 0x46726573 // "Fres"

// migrateLock takes an advisory lock on a connection of its own: it is gone
// when the process dies.
func (postgresDialect) migrateLock(ctx context.Context, db *sql.DB) (func() error, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrateLockKey); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrateLockKey)
		return errors.Join(err, conn.Close())
	}, nil
}
