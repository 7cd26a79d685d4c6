package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

// judgedGoal is the CPU time of an uncached answer at a million policy states.
const judgedGoal = 30 * time.Millisecond

// place is something that is asked of the whole program.
type place struct{ name, path string }

// judgedPaths are what is asked, of a policy that many resources fail.
func judgedPaths(get func(string) (*httptest.ResponseRecorder, error)) ([]place, error) {
	policy, err := worstPolicy(get)
	one := "?tenant=" + string(storetest.TenantID(0))
	sub := "?sub=" + storetest.SubscriptionID(0, 3)
	api := func(rest string) string { return "/api/v1/compliance/" + rest }
	return []place{
		{"scores", api("scores")},
		{"scores by subscription", api("scores?by=subscription")},
		{"scores, one tenant", api("scores" + one)},
		{"policies", api("policies")},
		{"policies, by category", api("policies?sort=category&category=Category+3")},
		{"policies, one tenant", api("policies" + one)},
		{"policies, one subscription", api("policies" + sub)},
		{"one policy", api(fmt.Sprintf("policies/%d", policy))},
		{"non-compliant", api("non-compliant")},
		{"non-compliant, most policies first", api("non-compliant?sort=policies")},
		{"non-compliant, by name", api("non-compliant?sort=name")},
		{"non-compliant, name, rare", api("non-compliant?q=vm-03-07-0011")},
		{"non-compliant, name, no hit", api("non-compliant?q=nothing")},
		{"non-compliant, of a policy", api(fmt.Sprintf("non-compliant?policy=%d", policy))},
		{"non-compliant, of a group", api("non-compliant?resource_group=rg-app-03")},
		{"non-compliant, one tenant", api("non-compliant" + one)},
		{"non-compliant, one subscription", api("non-compliant" + sub)},
		{"trends", api("trends")},
		{"trends, one subscription", api("trends" + sub)},
		{"secure score", api("secure-score")},
		{"secure score, one tenant", api("secure-score" + one)},
		{"exemptions", api("exemptions")},
		{"frameworks", api("frameworks")},
		{"frameworks, one tenant", api("frameworks" + one)},
		{"frameworks, one subscription", api("frameworks" + sub)},
		{"one framework", api("frameworks/detail?source=defender&id=Standard-1")},
		{"drift, one day", api("drift?from=2026-11-19")},
		{"drift, 7 days", api("drift")},
		{"drift, 29 days", api("drift?from=2026-10-22")},
		{"drift 7 days, one tenant", api("drift" + one)},
		{"drift 7 days, one subscription", api("drift" + sub)},
		{"page Compliance", "/compliance"},
		{"page Compliance, one tenant", "/compliance" + one},
		{"page of a policy", fmt.Sprintf("/compliance/policies/%d", policy)},
		{"partial gauge", "/partials/compliance-gauge"},
		{"partial score", "/partials/compliance-score"},
		{"partial card", "/partials/compliance-card"},
		{"partial policies", "/partials/compliance-policies"},
		{"partial resources", "/partials/compliance-resources"},
		{"partial drift", "/partials/compliance-drift"},
		{"partial exemptions", "/partials/compliance-exemptions"},
		{"partial secure score", "/partials/compliance-secure"},
		{"partial frameworks", "/partials/compliance-frameworks"},
	}, err
}

// judged measures every answer about compliance at a million policy states.
func (b *bench) judged() (err error) {
	e := storetest.Judged{Tenants: 20, Subscriptions: 20, Resources: 250, Days: 30, Asked: asked}
	if b.small {
		e.Subscriptions, e.Days = 4, 10
	}
	path := filepath.Join(b.dir, "compliance.db")
	db, err := store.Open(b.ctx, "sqlite:"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fill, err := measure(func() error { return e.Fill(b.ctx, db, slog.New(slog.DiscardHandler)) })
	if err == nil {
		err = db.Compliance().Verify(b.ctx)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.say("\ncompliance: %d policy states of %d tenants and %d subscriptions, put %d times in %.0f s (%.0f s CPU), %d MB",
		e.States(), e.Tenants, e.Tenants*e.Subscriptions, e.Days, fill.wall.Seconds(), fill.cpu.Seconds(), st.Size()>>20)
	return b.uncached("sqlite:"+path, judgedGoal, judgedPaths)
}

// uncached asks the whole program, each time after something was written: no
// answer is in the cache.
func (b *bench) uncached(database string, goal time.Duration, paths func(func(string) (*httptest.ResponseRecorder, error)) ([]place, error)) error {
	a, err := app.New(b.ctx, app.Config{
		Database: database, Listen: "127.0.0.1:0", NoSync: true, Months: 13, Workers: 4, Parallel: 4, IdleOver: 100, ComplianceTarget: 90, StaleDays: 90, SyncEvery: 4 * time.Hour,
		AzureAuthority: "https://login.invalid/", AzureResourceManager: "https://management.invalid", AzureGraph: "https://graph.invalid",
	}, app.Options{Now: func() time.Time { return asked.Add(time.Hour) }, Version: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // a temporary database
	ask := func(r *http.Request) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code >= http.StatusBadRequest && w.Code != http.StatusNotFound {
			return w, fmt.Errorf("%s answers %d: %.300s", r.URL, w.Code, w.Body)
		}
		return w, nil
	}
	get := func(path string) (*httptest.ResponseRecorder, error) {
		return ask(httptest.NewRequestWithContext(b.ctx, http.MethodGet, "http://127.0.0.1"+path, nil))
	}
	stale := func() error { // what is written makes every cached answer old
		r := httptest.NewRequestWithContext(b.ctx, http.MethodPost, "http://127.0.0.1/api/v1/compliance/baselines", strings.NewReader(`{"name":"bench","day":"2026-11-01"}`))
		r.Header.Set("Content-Type", "application/json")
		_, err := ask(r)
		return err
	}
	list, err := paths(get)
	if err != nil {
		return err
	}
	b.say("  uncached answers of the whole program, CPU, medians %38s %10s", "of the goal", "bytes")
	for _, q := range list {
		w, err := get(q.path) // prepares the statements
		if err != nil {
			return err
		}
		if w.Code == http.StatusNotFound {
			b.say("    %-40s is not there", q.name)
			continue
		}
		var took []time.Duration
		for start := time.Now(); len(took) < 3 || time.Since(start) < 500*time.Millisecond && len(took) < 15; {
			if err := stale(); err != nil {
				return err
			}
			one, err := measure(func() error { _, err := get(q.path); return err })
			if err != nil {
				return err
			}
			took = append(took, one.cpu)
		}
		got := median(took)
		b.say("    %-40s %12s   goal at most %s: %-6s %6.2fx %10d", q.name, ms(got), ms(goal), verdict(got <= goal), float64(got)/float64(goal), w.Body.Len())
	}
	return nil
}

// worstPolicy is the number of the policy that most resources fail.
func worstPolicy(get func(string) (*httptest.ResponseRecorder, error)) (int64, error) {
	w, err := get("/api/v1/compliance/policies?limit=1")
	if err != nil {
		return 0, err
	}
	var list struct {
		Data []struct {
			ID int64 `json:"policy_id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		return 0, err
	}
	if len(list.Data) == 0 {
		return 0, errors.New("no policies: there is nothing to measure")
	}
	return list.Data[0].ID, nil
}
