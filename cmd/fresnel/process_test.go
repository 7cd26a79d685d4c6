// These tests start the real program, as an operator does: they look at its exit code, its output, its HTTP answers and its tables.
package main_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"fresnel/internal/azuresim"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(mainCode(m))
}

// atOnce is how many of these tests run in parallel, unless go test is told otherwise: they mostly wait, and one of them for minutes.
const atOnce = "4"

func mainCode(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fresnel-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "fresnel")
	build := exec.Command("go", "build", "-o", binary, "fresnel/cmd/fresnel")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the race run too: what is tested here is the program as it is released
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// long skips a test that takes many seconds where -short asks for it.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts and kills processes for many seconds: not with -short")
	}
}

// random gives numbers that differ in each run of the tests; the log tells how to get the same again.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("FRESNEL_TEST_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("the same random numbers again: FRESNEL_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// buffer is what a process has written so far.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// process is a running fresnel.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err buffer
	ended    chan struct{}
}

// environ is this process's environment with settings in place of Fresnel's.
func environ(settings []string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "FRESNEL_") {
			env = append(env, kv)
		}
	}
	return append(env, settings...)
}

// start starts fresnel in an empty folder; it is killed at the end of the test.
func start(t *testing.T, settings []string, args ...string) *process {
	t.Helper()
	p := prepare(t, settings, args...)
	p.cmd.Dir = t.TempDir()
	p.start()
	return p
}

func prepare(t *testing.T, settings []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	p.cmd.Env = environ(settings)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	return p
}

func (p *process) start() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState tells
		close(p.ended)
	}()
	p.t.Cleanup(func() {
		p.kill()
		if p.t.Failed() {
			p.t.Logf("fresnel %s wrote:\n%s%s", strings.Join(p.cmd.Args[1:], " "), tail(p.out.String()), tail(p.err.String()))
		}
	})
}

func tail(s string) string {
	if lines := strings.SplitAfter(s, "\n"); len(lines) > 40 {
		return "...\n" + strings.Join(lines[len(lines)-40:], "")
	}
	return s
}

// run runs fresnel to its end.
func run(t *testing.T, settings []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, settings, args...)
	code = p.wait(time.Minute)
	return code, p.out.String(), p.err.String()
}

// must runs fresnel, which has to succeed.
func must(t *testing.T, settings []string, args ...string) {
	t.Helper()
	if code, stdout, stderr := run(t, settings, args...); code != 0 {
		t.Fatalf("fresnel %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal: %v", err)
	}
}

// kill is kill -9, as the kernel does it when memory is short.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// wait gives the exit code.
func (p *process) wait(atMost time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(atMost):
		p.signal(syscall.SIGQUIT) // its goroutines are in the log then
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second):
		}
		p.t.Fatalf("%s did not end within %s", strings.Join(p.cmd.Args, " "), atMost)
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop asks the process to end, as service managers do, and tells how long that took.
func (p *process) stop() (code int, took time.Duration) {
	p.t.Helper()
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	code = p.wait(30 * time.Second)
	return code, time.Since(begin)
}

var serving = regexp.MustCompile(`(?m)^serving (http://\S+)$`)

// url waits for the address of fresnel serve.
func (p *process) url() string {
	p.t.Helper()
	var found []string
	eventually(p.t, 30*time.Second, "fresnel serve tells its address", func() bool {
		found = serving.FindStringSubmatch(p.out.String())
		return found != nil
	})
	return found[1]
}

// eventually waits for something to become true.
func eventually(t *testing.T, atMost time.Duration, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(atMost); !f(); time.Sleep(25 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", atMost, what)
		}
	}
}

// simulator starts a simulated Azure in this process, and gives the settings that connect fresnel to it.
func simulator(t *testing.T, o azuresim.Options) (*azuresim.Server, []string) {
	t.Helper()
	s, err := azuresim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // killed clients leave connections that it cannot drain
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := s.Connection()
	settings := []string{
		"FRESNEL_AZURE_AUTHORITY=" + c.AuthorityURL, "FRESNEL_AZURE_RESOURCE_MANAGER=" + c.ResourceManagerURL, "FRESNEL_AZURE_GRAPH=" + c.GraphURL, "FRESNEL_AZURE_VAULT_HOST=" + host(t, c.VaultURL),
		"FRESNEL_AZURE_CA_FILE=" + ca, "FRESNEL_AZURE_TENANT_ID=" + c.ManagingTenantID, "FRESNEL_AZURE_CLIENT_ID=" + c.ClientID,
		"FRESNEL_AZURE_CREDENTIAL=secret", "FRESNEL_AZURE_CLIENT_SECRET=" + c.ClientSecret,
		"FRESNEL_JOBS=costs,resources", // two are enough to meet one another
		"FRESNEL_LISTEN=127.0.0.1:0", "FRESNEL_MONTHS=" + strconv.Itoa(cmp.Or(o.Months, 13)),
	}
	if o.Throttle != "real" {
		settings = append(settings, "FRESNEL_UNLIMITED=true")
	}
	return s, settings
}

func host(t *testing.T, s string) string {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// frozen is the setting that gives fresnel the simulator's clock.
func frozen(s *azuresim.Server) string {
	return "FRESNEL_CLOCK=" + s.Clock().Now().Format(time.RFC3339Nano)
}

// importFile writes the simulator's tenants for fresnel tenants import.
func importFile(t *testing.T, s *azuresim.Server) string {
	t.Helper()
	var list []map[string]string
	for _, c := range s.Connection().Tenants {
		e := map[string]string{"tenant_id": c.ID, "name": c.Name}
		if c.ClientID != "" {
			e["client_id"], e["client_secret_ref"] = c.ClientID, c.SecretRef
		}
		list = append(list, e)
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tenants.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// database makes an empty database of an engine; it is gone after the test.
func database(t *testing.T, engine string) (setting string, db *sql.DB) {
	t.Helper()
	if engine == "sqlite" {
		path := filepath.Join(t.TempDir(), "fresnel.db")
		return "FRESNEL_DATABASE=sqlite:" + path, open(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(20000)")
	}
	u := postgresURL(t)
	admin := open(t, "pgx", u.String())
	name := fmt.Sprintf("cmd_%d_%d", os.Getpid(), rand.Uint32())
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return "FRESNEL_DATABASE=" + u.String(), open(t, "pgx", u.String())
}

// postgresURL is the throwaway server. Without one the test is skipped.
func postgresURL(t *testing.T) *url.URL {
	t.Helper()
	server := os.Getenv("FRESNEL_TEST_POSTGRES")
	switch {
	case server != "":
	case os.Getenv("FRESNEL_TEST_REQUIRE") == "1":
		t.Fatal("FRESNEL_TEST_POSTGRES names no PostgreSQL server: run scripts/test")
	default:
		t.Skip("no PostgreSQL: run scripts/test, which brings one up")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func open(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
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

// rows reads what a query gives; a table that is not there yet is empty.
func rows[T any](t *testing.T, db *sql.DB, one func(*sql.Rows, *T) error, query string) []T {
	t.Helper()
	rs, err := db.Query(query)
	if err != nil {
		if s := err.Error(); strings.Contains(s, "no such table") || strings.Contains(s, "does not exist") || strings.Contains(s, "unable to open") {
			return nil
		}
		t.Fatalf("%s: %v", query, err)
	}
	defer rs.Close()
	var out []T
	for rs.Next() {
		var v T
		if err := one(rs, &v); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		out = append(out, v)
	}
	if err := rs.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// number reads one integer.
func number(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	found := rows(t, db, func(r *sql.Rows, v *int) error { return r.Scan(v) }, query)
	if len(found) == 0 {
		return 0
	}
	return found[0]
}

// ask sends a request to fresnel serve.
func ask(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	status, body, err := tryAsk(method, url)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

func tryAsk(method, url string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
