package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

// OnPostgres runs a statement, such as CREATE DATABASE, on the server of a
// URL. The driver comes with internal/store.
func OnPostgres(ctx context.Context, server, statement string) error {
	raw, err := sql.Open("pgx", server)
	if err != nil {
		return fmt.Errorf("storetest: %w", err)
	}
	defer raw.Close() //nolint:errcheck // a throwaway server
	if _, err := raw.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("storetest: %s: %w", statement, err)
	}
	return nil
}

// ServerCPU gives the CPU time that the sessions of a database have taken so
// far, where its server runs on this Linux machine and may be looked at.
func ServerCPU(ctx context.Context, url string) (time.Duration, error) {
	raw, err := sql.Open("pgx", url)
	if err != nil {
		return 0, fmt.Errorf("storetest: %w", err)
	}
	defer raw.Close() //nolint:errcheck // a throwaway server
	rows, err := raw.QueryContext(ctx, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if err != nil {
		return 0, fmt.Errorf("storetest: %w", err)
	}
	defer rows.Close()
	var sum time.Duration
	for rows.Next() {
		var pid, ns int64
		if err := rows.Scan(&pid); err != nil {
			return 0, fmt.Errorf("storetest: %w", err)
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			return 0, fmt.Errorf("storetest: %w", err)
		}
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, fmt.Errorf("storetest: schedstat of %d: %w", pid, err)
		}
		sum += time.Duration(ns)
	}
	return sum, rows.Err()
}
