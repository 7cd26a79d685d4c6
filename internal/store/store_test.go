package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

func TestMain(m *testing.M) {
	store.MoveInSteps(3)
	os.Exit(m.Run())
}

// engine is a database engine that the tests run on. empty gives the URL of an
// empty database of the test's own.
type engine struct {
	name, driver string
	empty        func(t *testing.T) string
	dsn          func(url string) string // what database/sql opens for a URL
}

func engines() []engine {
	return []engine{
		{"sqlite", "sqlite", emptySQLite, func(u string) string { return "file:" + strings.TrimPrefix(u, "sqlite:") }},
		{"postgres", "pgx", emptyPostgres, func(u string) string { return u }},
	}
}

// onEngines runs a test on every engine that is there.
func onEngines(t *testing.T, test func(t *testing.T, e engine)) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) { test(t, e) })
	}
}

func emptySQLite(t *testing.T) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "fresnel.db")
}

// emptyPostgres makes a database on the server that FRESNEL_TEST_POSTGRES names.
func emptyPostgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv("FRESNEL_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("FRESNEL_TEST_REQUIRE") != "" {
			t.Fatal("FRESNEL_TEST_POSTGRES names no server, and FRESNEL_TEST_REQUIRE wants every engine")
		}
		t.Skip("no PostgreSQL: scripts/test brings one up, or set FRESNEL_TEST_POSTGRES to the URL of a throwaway server")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := "fresnel_" + strings.ToLower(rand.Text())
	u.Path = "/" + name
	onServer(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { onServer(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	return u.String()
}

func onServer(t *testing.T, server, statement string) {
	t.Helper()
	if err := storetest.OnPostgres(context.Background(), server, statement); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestConformance(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		e.empty(t) // skips here, once
		storetest.Run(t, func(t *testing.T) *store.DB { return open(t, e.empty(t)) })
	})
}

// TestOpenTogether opens an empty database from several goroutines and
// processes at once.
func TestOpenTogether(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		url := e.empty(t)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				db, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close() //nolint:errcheck // of a test
				if err := storetest.Register(t.Context(), db, 2, 2, time.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenChild$")
				cmd.Env = append(os.Environ(), "FRESNEL_TEST_CHILD="+url)
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "opened") {
					t.Errorf("a process: %v\n%s", err, out)
				}
			})
		}
		wg.Wait()
		db := open(t, url)
		if list, err := db.Tenants().List(t.Context(), fresnel.AllTenants()); err != nil || len(list) != 2 {
			t.Errorf("%d tenants, %v", len(list), err)
		}
	})
}

// TestOpenChild is the other process of TestOpenTogether.
func TestOpenChild(t *testing.T) {
	url := os.Getenv("FRESNEL_TEST_CHILD")
	if url == "" {
		t.Skip("a part of TestOpenTogether")
	}
	db := open(t, url)
	if err := storetest.Register(t.Context(), db, 2, 2, time.Now()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("opened")
}

// TestReopen finds everything again, and the generation where it was.
func TestReopen(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		url := e.empty(t)
		first, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := storetest.Register(t.Context(), first, 1, 1, time.Now()); err != nil {
			t.Fatal(err)
		}
		g := first.Generation()
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, url)
		if again.Generation() != g || again.Engine() != e.name {
			t.Errorf("generation %d of %s, want %d of %s", again.Generation(), again.Engine(), g, e.name)
		}
		if list, err := again.Tenants().List(t.Context(), fresnel.AllTenants()); err != nil || len(list) != 1 {
			t.Errorf("%d tenants, %v", len(list), err)
		}
	})
}

// TestTwoHandles shows what one process changes to another.
func TestTwoHandles(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		url := e.empty(t)
		a, b := open(t, url), open(t, url)
		estate := storetest.Estate{Tenants: 1, Subscriptions: 2, Groups: 1, Services: 3, CellsPerDay: 2, Days: fresnel.Period{From: 20_000, To: 20_040}, Asked: time.Unix(20_050*86400, 0)}
		if _, err := estate.Fill(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if b.Generation() >= a.Generation() {
			t.Errorf("generation %d is known without asking, the writer has %d", b.Generation(), a.Generation())
		}
		if g, err := b.Refresh(t.Context()); err != nil || g != a.Generation() || b.Generation() != g {
			t.Errorf("after Refresh: %d, %v; the writer has %d", g, err, a.Generation())
		}
		// Both write the same windows at once: what is held is one of them.
		var wg sync.WaitGroup
		for _, db := range []*store.DB{a, b} {
			wg.Go(func() {
				for w, lines := range estate.Windows() {
					w.Asked = w.Asked.Add(time.Hour)
					for i := range lines {
						lines[i].Service += db.Engine() + fmt.Sprint(db == a)
					}
					if _, err := db.Costs().Replace(t.Context(), w, lines); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := a.Costs().Verify(t.Context()); err != nil {
			t.Error(err)
		}
		sums, err := b.CostReader().Sums(t.Context(), fresnel.AllTenants(), cost.Query{Period: estate.Days, By: cost.ByDay})
		if err != nil || len(sums) != estate.Days.Days() {
			t.Errorf("%d days, %v", len(sums), err)
		}
	})
}

// TestNewerSchema refuses the database of a later version, and leaves it as it is.
func TestNewerSchema(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		url := e.empty(t)
		db := open(t, url)
		if err := storetest.Register(t.Context(), db, 1, 1, time.Now()); err != nil {
			t.Fatal(err)
		}
		raw, err := sql.Open(e.driver, e.dsn(url))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close() //nolint:errcheck // of a test
		insert := "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"
		if _, err := raw.ExecContext(t.Context(), insert); err != nil {
			t.Fatal(err)
		}
		_, err = store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
		if fresnel.KindOf(err) != fresnel.Invalid || !strings.Contains(err.Error(), "version 99") {
			t.Errorf("got %v, want a refusal that names version 99", err)
		}
		if _, do := fresnel.Reason(err); do == "" {
			t.Error("the refusal does not say what to do")
		}
		if list, err := db.Tenants().List(t.Context(), fresnel.AllTenants()); err != nil || len(list) != 1 {
			t.Errorf("%d tenants, %v", len(list), err)
		}
	})
}

// TestOpenRefused words what cannot be opened, without the password of the URL.
func TestOpenRefused(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url  string
		kind fresnel.Kind
	}{
		{"", fresnel.Invalid},
		{"fresnel.db", fresnel.Invalid},
		{"mysql://x", fresnel.Invalid},
		{"sqlite:", fresnel.Invalid},
		{"sqlite:" + filepath.Join(dir, "no", "such", "folder.db"), fresnel.Invalid},
		{"sqlite:" + dir, fresnel.Invalid},
		{"sqlite:" + garbage, fresnel.Invalid},
		{"postgres://u:hunter2@127.0.0.1:notaport/x", fresnel.Invalid},
		{"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=2", fresnel.Unavailable},
	} {
		db, err := store.Open(t.Context(), c.url, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = db.Close()
		}
		if fresnel.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: got %v, want kind %s", c.url, err, c.kind)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", c.url, err)
		}
	}
	if got, err := os.ReadFile(garbage); err != nil || !strings.HasPrefix(string(got), "this is no database") || len(got) != 2000 {
		t.Error("a file that is no database was changed")
	}
}

// TestAwkwardPaths opens SQLite files whose names mean something in a URL.
func TestAwkwardPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "a?b.db", "a#b.db", "a%20b.db", "ä'\".db", "a&_pragma=x.db", ":memory:", "file:x.db"} {
		path := filepath.Join(t.TempDir(), name)
		db := open(t, "sqlite:"+path)
		if err := storetest.Register(t.Context(), db, 1, 1, time.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if st, err := os.Stat(path); err != nil || st.Size() == 0 {
			t.Errorf("%s: the file is not where it was asked for: %v", name, err)
		}
	}
}
