package main

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

// peopleGoal is the CPU time of an uncached answer over a hundred tenants.
const peopleGoal = 30 * time.Millisecond

func peoplePaths(func(string) (*httptest.ResponseRecorder, error)) ([]place, error) {
	one := "?tenant=" + string(storetest.TenantID(0))
	api := func(rest string) string { return "/api/v1/identity/" + rest }
	return []place{
		{"summary", api("summary")},
		{"summary, one large tenant", api("summary" + one)},
		{"privileged", api("privileged")},
		{"privileged, one tenant", api("privileged" + one)},
		{"guests", api("guests")},
		{"guests, newest", api("guests?sort=created")},
		{"guests, one large tenant", api("guests" + one)},
		{"stale", api("stale")},
		{"stale, one large tenant", api("stale" + one)},
		{"without MFA", api("mfa")},
		{"without MFA, one large tenant", api("mfa" + one)},
		{"credentials", api("credentials")},
		{"credentials that end", api("credentials?state=expiring")},
		{"roles", api("roles")},
		{"others", api("privileged/others")},
		{"trends", api("trends")},
		{"trends, one tenant", api("trends" + one)},
		{"page Identity", "/identity"},
		{"page Identity, one large tenant", "/identity" + one},
		{"page Identity, stale", "/identity?list=stale"},
		{"page Identity, findings", "/identity?list=findings"},
		{"page Identity, findings of one rule", "/identity?list=findings&rule=identity-stale-member"},
		{"partial statistics", "/partials/identity-stats"},
		{"partial card", "/partials/identity-card"},
	}, nil
}

// people measures every answer about identity over a hundred tenants, one of them large.
func (b *bench) people() (err error) {
	e := storetest.Directory{Tenants: 100, Accounts: 2000, Large: 100_000, Days: 5, Asked: asked}
	if b.small {
		e.Tenants, e.Large = 10, 10_000
	}
	path := filepath.Join(b.dir, "identity.db")
	db, err := store.Open(b.ctx, "sqlite:"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fill, err := measure(func() error { return e.Fill(b.ctx, db) })
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.say("\nidentity: %d accounts of %d tenants, put %d times in %.0f s (%.0f s CPU), %d MB", e.All(), e.Tenants, e.Days, fill.wall.Seconds(), fill.cpu.Seconds(), st.Size()>>20)
	return b.uncached("sqlite:"+path, peopleGoal, peoplePaths)
}
