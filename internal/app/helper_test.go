package app_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azure"
	"fresnel/internal/azuresim"
)

// Two instants that the tests freeze the clock at: late in a month, and just
// after one ended, when its last days are not settled.
var (
	late  = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	early = time.Date(2026, 12, 2, 9, 30, 0, 0, time.UTC)
)

// TestMain lets more tests run at a time than there are cores: those of faults
// mostly wait for the next try.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)+4)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// engines runs a test on every database engine: each time with the URL of an
// empty database.
func engines(t *testing.T, f func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, postgres(t))
	})
}

// long skips a test or a part of it in a short run, which is for the race
// detector: there it is the parallel work that counts, not the cases.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: more of the same")
	}
}

// postgres makes a database of its own on the server of the tests.
func postgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv("FRESNEL_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("FRESNEL_TEST_REQUIRE") != "" {
			t.Fatal("no PostgreSQL: FRESNEL_TEST_POSTGRES is not set")
		}
		t.Skip("no PostgreSQL: run scripts/test, which brings one up")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, "pgx", server)
	name := "fresnel_app_" + strings.ToLower(rand.Text()[:16])
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// open opens a database until the end of the test. The drivers come with the
// store.
func open(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// simulate starts a simulator whose clock is frozen at an instant.
func simulate(t *testing.T, at time.Time, o azuresim.Options) *azuresim.Server {
	t.Helper()
	o.Seed = 1
	o.Clock = azuresim.NewClock()
	o.Clock.Freeze(at)
	sim, err := azuresim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() }) // it may still hold hanging requests
	return sim
}

// world is the program on a database, with Azure on its other side.
type world struct {
	*azuresim.Server
	app      *app.App
	database string
	config   app.Config
	tables   *sql.DB   // the same database, to look behind the program
	headers  []string  // of every GET: names and values
	logs     *safeText // what the program logs, if a test wants it
}

// change is a setting that a test needs otherwise.
type change func(*app.Config, *app.Options)

func months(n int) change { return func(c *app.Config, _ *app.Options) { c.Months = n } }

// begin wires the program to a simulator, with every tenant of it registered.
func begin(t *testing.T, sim *azuresim.Server, database string, changes ...change) *world {
	t.Helper()
	w := &world{Server: sim, database: database}
	w.restart(t, changes...)
	var list []fresnel.Tenant
	for _, v := range sim.Connection().Tenants {
		list = append(list, fresnel.Tenant{ID: fresnel.TenantID(v.ID), Name: v.Name, ClientID: v.ClientID, SecretRef: v.SecretRef, Active: true})
	}
	if err := w.app.ImportTenants(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		w.tables = open(t, "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(15000)&_pragma=query_only(1)")
	} else {
		w.tables = open(t, "pgx", database)
	}
	return w
}

// restart gives the world a program anew: one that has nothing in memory, not
// even tokens.
func (w *world) restart(t *testing.T, changes ...change) {
	t.Helper()
	conn := w.Connection()
	vault, err := url.Parse(conn.VaultURL)
	if err != nil {
		t.Fatal(err)
	}
	c := app.Config{
		Database: w.database, Listen: "127.0.0.1:0", SyncEvery: 4 * time.Hour, IdleOver: 100, ComplianceTarget: 90, StaleDays: 90, Months: 3, Workers: 16, Parallel: 4,
		AzureAuthority: conn.AuthorityURL, AzureResourceManager: conn.ResourceManagerURL, AzureGraph: conn.GraphURL, AzureVaultHost: vault.Host,
		AzureTenantID: conn.ManagingTenantID, AzureClientID: conn.ClientID, AzureClientSecret: azure.Secret(conn.ClientSecret),
		AzureCredential: string(azure.ClientSecret),
	}
	o := app.Options{Now: w.Clock().Now, Unlimited: true, Roots: x509.NewCertPool(), Version: "test"}
	o.Roots.AppendCertsFromPEM(w.CA())
	for _, f := range changes {
		f(&c, &o)
	}
	log := logger(t)
	if w.logs != nil {
		log = slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	a, err := app.New(t.Context(), c, o, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	w.app, w.config = a, c
}

// logger writes errors of the program to the test's log: a request or run that
// met an internal error logs one.
func logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

// sync reads every tenant's costs and gives the runs by tenant.
func (w *world) sync(t *testing.T) map[string]fresnel.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // the machine may be busy, and the race detector slow
	defer cancel()
	list, err := w.app.SyncNow(ctx, []string{"costs"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]fresnel.Run{}
	for _, r := range list {
		runs[string(r.Tenant)] = r
	}
	if n := len(w.Estate()); len(list) != n || len(runs) != n {
		t.Fatalf("%d runs for %d tenants", len(list), n)
	}
	return runs
}

// whole fails unless every run read everything, and gives the rows written.
func whole(t *testing.T, runs map[string]fresnel.Run) (written int) {
	t.Helper()
	for _, r := range runs {
		if r.Status != fresnel.Completed || r.Reason != "" {
			t.Errorf("run of %s: %s, %s", r.TenantName, r.Status, r.Reason)
		}
		written += r.Result.Written
	}
	return written
}

// answer is what the program said to a request.
type answer struct {
	path   string
	status int
	header http.Header
	body   string
}

// ask sends a request as a browser on this machine does.
func (w *world) ask(method, path string, headers ...string) answer {
	return ask(w.app.Handler(), method, path, headers...)
}

func ask(h http.Handler, method, path string, headers ...string) answer {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return answer{method + " " + path, rec.Code, rec.Header(), rec.Body.String()}
}

func (w *world) get(path string) answer { return w.ask(http.MethodGet, path, w.headers...) }

// wire is a JSON answer of the REST API.
type wire[T any] struct {
	Data T    `json:"data"`
	Meta meta `json:"meta"`
}

type meta struct {
	Period     *days        `json:"period"`
	Compared   *comparison  `json:"compared"`
	Metric     string       `json:"metric"`
	Coverage   *coverage    `json:"coverage"`
	SyncedAt   *time.Time   `json:"synced_at"`
	Stale      []tenantNote `json:"stale"`
	SettledTo  string       `json:"settled_to"`
	Total      *int         `json:"total"`
	More       bool         `json:"more"` // there are more than total
	NextCursor string       `json:"next_cursor"`
}

type days struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type comparison struct {
	Period  days     `json:"period"`
	With    days     `json:"with"`
	LeftOut []string `json:"left_out"`
}

type coverage struct {
	Tenants int          `json:"tenants"`
	Of      int          `json:"of"`
	Missing []tenantNote `json:"missing"`
}

type tenantNote struct {
	TenantID string `json:"tenant_id"`
	State    string `json:"state"`
	Reason   string `json:"reason"`
}

// money is an amount on the wire. It reads only exact decimal text.
type money struct {
	Micros   int64
	Currency string
}

var decimal = regexp.MustCompile(`^-?(0|[1-9]\d*)\.\d{6}$`)

func (m *money) UnmarshalJSON(b []byte) error {
	if string(b) == "null" { // not known, which is not zero
		return nil
	}
	var v struct{ Amount, Currency string }
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	var err error
	m.Currency = v.Currency
	m.Micros, err = micros(v.Amount)
	return err
}

// micros reads exact decimal text with six places.
func micros(s string) (int64, error) {
	if !decimal.MatchString(s) {
		return 0, fmt.Errorf("%q is not a decimal with six places", s)
	}
	return strconv.ParseInt(strings.Replace(s, ".", "", 1), 10, 64)
}

// read gets a JSON answer.
func read[T any](t *testing.T, w *world, path string) wire[T] {
	t.Helper()
	a := w.get(path)
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	var v wire[T]
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// dump prints the rows of every table whose name begins with a word, in an
// order of its own, without the columns that say when something was asked.
func (w *world) dump(t *testing.T, prefix string) map[string][]string {
	t.Helper()
	q := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if w.app.Engine() == "postgres" {
		q = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
	}
	out := map[string][]string{}
	for _, row := range w.rows(t, q) {
		if name := fmt.Sprint(row[0]); strings.HasPrefix(name, prefix) {
			out[name] = w.dumpTable(t, name)
		}
	}
	return out
}

var volatile = []string{"asked_at", "seen_at", "oldest", "newest", "last_costs", "writes", "cost_at"}

func (w *world) dumpTable(t *testing.T, name string) []string {
	t.Helper()
	cols := w.columns(t, name)
	var lines []string
	for _, row := range w.rows(t, "SELECT * FROM "+name) {
		var b strings.Builder
		for i, v := range row {
			if !slices.Contains(volatile, cols[i]) {
				fmt.Fprintf(&b, "%s=%v ", cols[i], v)
			}
		}
		lines = append(lines, b.String())
	}
	slices.Sort(lines)
	return lines
}

func (w *world) columns(t *testing.T, table string) []string {
	t.Helper()
	rows, err := w.tables.Query("SELECT * FROM " + table + " WHERE 1 = 0")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	return cols
}

func (w *world) rows(t *testing.T, q string) [][]any {
	t.Helper()
	rows, err := w.tables.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		row := make([]any, len(cols))
		dest := make([]any, len(cols))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// htmlText is a text as a page has it.
func htmlText(s string) string { return html.EscapeString(s) }
