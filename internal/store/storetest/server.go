package storetest

import (
	"context"
	"database/sql"
	"fmt"
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
