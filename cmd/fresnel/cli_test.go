package main_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// complaint checks what fresnel says when it refuses: an exit code, and one clear line on stderr with no trace of Go in it. Lines of the log
// may stand before.
func complaint(t *testing.T, code int, stdout, stderr string, wantCode int, want ...string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d\n%s%s", code, wantCode, stdout, stderr)
	}
	var lines []string
	for l := range strings.SplitSeq(strings.TrimRight(stderr, "\n"), "\n") {
		if !strings.HasPrefix(l, "time=") {
			lines = append(lines, l)
		}
	}
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "fresnel: ") {
		t.Errorf("stderr is not one line that begins with the program's name:\n%s", stderr)
	}
	for _, w := range want {
		if !strings.Contains(stderr, w) {
			t.Errorf("stderr does not say %q: %s", w, stderr)
		}
	}
	for _, bad := range []string{"goroutine ", "panic", ".go:", "store:", "runtime", "%!", "hunter2"} {
		if strings.Contains(stdout+stderr, bad) {
			t.Errorf("%q in what it says: %s%s", bad, stdout, stderr)
		}
	}
}

func TestBadCommandLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args string
		env        []string
		file       string // of settings; empty = none
		code       int
		want       []string
	}{
		{name: "no command", code: 2, want: []string{"expected one of", "serve"}},
		{name: "unknown command", args: "frobnicate", code: 2, want: []string{"frobnicate"}},
		{name: "unknown flag", args: "--nonsense version", code: 2, want: []string{"--nonsense"}},
		{name: "unknown flag of a command", args: "serve --nonsense", code: 2, want: []string{"--nonsense"}},
		{name: "another command's flag", args: "worker --throttle off", code: 2, want: []string{"--throttle"}},
		{name: "surplus argument", args: "worker now", code: 2, want: []string{"now"}},
		{name: "missing argument", args: "tenants import", code: 2, want: []string{"<file>"}},
		{name: "unknown sync type", args: "sync coffee", code: 2, want: []string{"costs", "coffee"}},
		{name: "secret on the command line", args: "--azure-client-secret=hunter2 migrate", code: 2, want: []string{"FRESNEL_AZURE_CLIENT_SECRET"}},

		{name: "unknown variable", args: "version", env: []string{"FRESNEL_MONHTS=3"}, code: 2, want: []string{"FRESNEL_MONHTS", "not a setting"}},
		{name: "not a number", args: "migrate", env: []string{"FRESNEL_MONTHS=many"}, code: 2, want: []string{"FRESNEL_MONTHS", "many"}},
		{name: "out of range", args: "migrate", env: []string{"FRESNEL_MONTHS=99"}, code: 2, want: []string{"FRESNEL_MONTHS 99", "2 to 36"}},
		{name: "not a duration", args: "migrate", env: []string{"FRESNEL_SYNC_EVERY=often"}, code: 2, want: []string{"FRESNEL_SYNC_EVERY", "often"}},
		{name: "duration out of range", args: "migrate", env: []string{"FRESNEL_SYNC_EVERY=1m"}, code: 2, want: []string{"FRESNEL_SYNC_EVERY", "1h to 24h"}},
		{name: "workers out of range", args: "migrate", env: []string{"FRESNEL_WORKERS=0"}, code: 2, want: []string{"FRESNEL_WORKERS 0", "1 to 256"}},
		{name: "parallel out of range", args: "migrate", env: []string{"FRESNEL_PARALLEL=65"}, code: 2, want: []string{"FRESNEL_PARALLEL 65", "1 to 64"}},
		{name: "unknown level", args: "migrate", env: []string{"FRESNEL_LOG_LEVEL=loud"}, code: 2, want: []string{"FRESNEL_LOG_LEVEL", "loud"}},
		{name: "unknown credential", args: "migrate", env: []string{"FRESNEL_AZURE_CREDENTIAL=magic"}, code: 2, want: []string{"managed-identity", "magic"}},
		{name: "no secret", args: "migrate", env: []string{"FRESNEL_AZURE_CREDENTIAL=secret"}, code: 2, want: []string{"FRESNEL_AZURE_CLIENT_ID"}},
		{name: "no token file", args: "migrate", env: []string{"FRESNEL_AZURE_CREDENTIAL=workload-identity"}, code: 2, want: []string{"FRESNEL_AZURE_FEDERATED_TOKEN_FILE"}},
		{name: "plain HTTP", args: "migrate", env: []string{"FRESNEL_AZURE_AUTHORITY=http://example.com"}, code: 2, want: []string{"FRESNEL_AZURE_AUTHORITY", "https"}},
		{name: "no CA file", args: "migrate", env: []string{"FRESNEL_AZURE_CA_FILE=absent.pem"}, code: 2, want: []string{"FRESNEL_AZURE_CA_FILE", "absent.pem"}},
		{name: "not a clock", args: "migrate", env: []string{"FRESNEL_CLOCK=yesterday"}, code: 2, want: []string{"FRESNEL_CLOCK", "yesterday"}},

		{name: "unknown key", args: "migrate", file: "monhts = 3\n", code: 2, want: []string{"settings.toml", `"monhts"`, "months"}},
		{name: "key in a table", args: "migrate", file: "[azure]\ntenant_id = 'x'\n", code: 2, want: []string{"settings.toml", `"azure"`}},
		{name: "secret in the file", args: "migrate", file: "azure_client_secret = 'hunter2'\n", code: 2, want: []string{"settings.toml", "azure_client_secret", "environment or Key Vault"}},
		{name: "file of a file", args: "migrate", file: "config = 'other.toml'\n", code: 2, want: []string{`"config"`}},
		{name: "list in the file", args: "migrate", file: "months = [3]\n", code: 2, want: []string{"settings.toml", "months", "single value"}},
		{name: "not TOML", args: "migrate", file: "months: 3\n", code: 2, want: []string{"settings.toml", "not valid TOML"}},
		{name: "bad value in the file", args: "migrate", file: "months = 99\n", code: 2, want: []string{"99", "2 to 36"}},
		{name: "a folder instead of a file", args: "--config . migrate", code: 2, want: []string{"configuration file cannot be read", "directory"}},
		{name: "no file", args: "--config absent.toml migrate", code: 2, want: []string{"configuration file", "absent.toml"}},

		{name: "all interfaces", args: "serve", env: []string{"FRESNEL_LISTEN=0.0.0.0:8080"}, code: 2, want: []string{"FRESNEL_LISTEN", "loopback"}},
		{name: "any address", args: "serve", env: []string{"FRESNEL_LISTEN=:8080"}, code: 2, want: []string{"FRESNEL_LISTEN", "loopback"}},
		{name: "a network address", args: "serve", env: []string{"FRESNEL_LISTEN=[2001:db8::1]:8080"}, code: 2, want: []string{"FRESNEL_LISTEN", "loopback"}},
		{name: "a name", args: "serve", env: []string{"FRESNEL_LISTEN=example.com:8080"}, code: 2, want: []string{"FRESNEL_LISTEN", "loopback"}},
		{name: "demo on a network address", args: "demo --tenants 1 --addr 192.0.2.1:80", code: 2, want: []string{"loopback"}},
		{name: "no port", args: "serve", env: []string{"FRESNEL_LISTEN=localhost"}, code: 2, want: []string{"FRESNEL_LISTEN", "HOST:PORT"}},

		{name: "no scheme", args: "migrate", env: []string{"FRESNEL_DATABASE=fresnel.db"}, code: 2, want: []string{"sqlite:PATH"}},
		{name: "other scheme", args: "migrate", env: []string{"FRESNEL_DATABASE=mysql://root:hunter2@localhost/x"}, code: 2, want: []string{`"mysql"`, "postgres://"}},
		{name: "no path", args: "migrate", env: []string{"FRESNEL_DATABASE=sqlite:"}, code: 2, want: []string{"sqlite:PATH"}},
		{name: "no folder", args: "migrate", env: []string{"FRESNEL_DATABASE=sqlite:absent/fresnel.db"}, code: 2, want: []string{"absent does not exist", "FRESNEL_DATABASE"}},
		{name: "a folder", args: "migrate", env: []string{"FRESNEL_DATABASE=sqlite:."}, code: 2, want: []string{"cannot be written", "FRESNEL_DATABASE"}},
		{name: "bad server URL", args: "migrate", env: []string{"FRESNEL_DATABASE=postgres://u:hunter2@%zz"}, code: 2, want: []string{"PostgreSQL URL"}},
		{name: "no server", args: "migrate", env: []string{"FRESNEL_DATABASE=postgres://u:hunter2@127.0.0.1:1/x"}, code: 1, want: []string{"database does not answer", "refused"}},

		{name: "sync without tenants", args: "sync", code: 1, want: []string{"no tenant is registered", "tenants import"}},
		{name: "sim in no folder", args: "sim --addr 127.0.0.1:0 --tenants 1 --dir absent", code: 2, want: []string{"absent", "--dir"}},
		{name: "sim without faults", args: "sim --addr 127.0.0.1:0 --faults absent.json", code: 2, want: []string{"fault file", "absent.json"}},
		{name: "sim with a bad address", args: "sim --addr nowhere --tenants 1", code: 1, want: []string{"cannot listen on nowhere"}},
		{name: "sim that throttles otherwise", args: "sim --throttle half", code: 2, want: []string{"--throttle", "off", "real"}},
		{name: "demo in no folder", args: "demo --tenants 1 --dir /dev/null/x", code: 2, want: []string{"/dev/null/x", "--dir"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := test.env
			if test.file != "" {
				path := filepath.Join(t.TempDir(), "settings.toml")
				write(t, path, test.file)
				env = append(env, "FRESNEL_CONFIG="+path)
			}
			code, stdout, stderr := run(t, env, strings.Fields(test.args)...)
			complaint(t, code, stdout, stderr, test.code, test.want...)
		})
	}
}

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPrecedence: a flag beats the environment, which beats the file.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "settings.toml")
	write(t, file, fmt.Sprintf("database = 'sqlite:%s/file.db'\nmonths = 5\nno_sync = true\nsync_every = '2h'\nlog_level = 'warn'\n", dir))
	exists := func(name string, want bool) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %t", name, err, want)
		}
	}
	must(t, nil, "--config", file, "migrate")
	exists("file.db", true)
	must(t, []string{"FRESNEL_CONFIG=" + file, "FRESNEL_DATABASE=sqlite:" + dir + "/env.db"}, "migrate")
	exists("env.db", true)
	must(t, []string{"FRESNEL_DATABASE=sqlite:" + dir + "/lost.db"}, "migrate", "--config="+file, "--database=sqlite:"+dir+"/flag.db")
	exists("flag.db", true)
	exists("lost.db", false)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	addr := ln.Addr().String()
	code, stdout, stderr := run(t, []string{"FRESNEL_LISTEN=" + addr}, "serve")
	complaint(t, code, stdout, stderr, 1, "cannot listen on "+addr, "FRESNEL_LISTEN")
	code, stdout, stderr = run(t, nil, "sim", "--tenants", "1", "--addr", addr)
	complaint(t, code, stdout, stderr, 1, "cannot listen on "+addr)
}

// TestUnwritable runs as a user who may not write: for root every folder is writable.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "fresnel-unwritable-") // t.TempDir's parent is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "fresnel")
	if err := os.WriteFile(own, program, 0o755); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	held := filepath.Join(closed, "held.db")
	if err := os.Mkdir(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, []string{"FRESNEL_DATABASE=sqlite:" + held}, "migrate")
	modes := map[string]os.FileMode{dir: 0o755, own: 0o755, held: 0o666, closed: 0o555} // whatever the umask is
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o755) }) // so that it can be removed
	before := bytesOf(t, held)
	for name, test := range map[string]struct {
		env  string
		args []string
		want []string
	}{
		"folder":                    {"FRESNEL_DATABASE=sqlite:" + closed + "/new.db", []string{"migrate"}, []string{"new.db cannot be written", "FRESNEL_DATABASE"}},
		"folder of a database":      {"FRESNEL_DATABASE=sqlite:" + held, []string{"migrate"}, []string{"FRESNEL_DATABASE", "folder"}},
		"folder of the simulator":   {"FRESNEL_MONTHS=2", []string{"sim", "--addr", "127.0.0.1:0", "--tenants", "1", "--dir", closed}, []string{"cannot write", "--dir"}},
		"folder of the demo":        {"FRESNEL_MONTHS=2", []string{"demo", "--addr", "127.0.0.1:0", "--tenants", "1", "--dir", closed + "/demo"}, []string{"cannot be made", "--dir"}},
		"file that may not be read": {"FRESNEL_AZURE_CA_FILE=" + unreadable(t, dir), []string{"migrate"}, []string{"FRESNEL_AZURE_CA_FILE", "permission denied"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := prepare(t, []string{test.env}, test.args...)
			p.cmd.Path, p.cmd.Dir = own, closed
			if os.Getuid() == 0 {
				p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			p.start()
			code := p.wait(time.Minute)
			complaint(t, code, "", p.err.String(), 2, test.want...)
		})
	}
	if !bytes.Equal(before, bytesOf(t, held)) {
		t.Error("the database was changed")
	}
}

// unreadable is a file that nobody but root may read.
func unreadable(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "unreadable.pem")
	write(t, path, "secret")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	return path
}

func bytesOf(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestForeignDatabase gives fresnel databases that are not its own, or not any more. It refuses them and leaves them as they are.
func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	t.Run("garbage", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "fresnel.db")
		garbage := strings.Repeat("This is somebody's diary, and no database. ", 500)
		write(t, path, garbage)
		code, stdout, stderr := run(t, []string{"FRESNEL_DATABASE=sqlite:" + path}, "serve")
		complaint(t, code, stdout, stderr, 2, "database cannot be used", "FRESNEL_DATABASE", "not a database")
		if string(bytesOf(t, path)) != garbage {
			t.Error("the file was changed")
		}
	})
	t.Run("no such database", func(t *testing.T) {
		t.Parallel()
		u := postgresURL(t)
		u.Path = "/absent"
		code, stdout, stderr := run(t, []string{"FRESNEL_DATABASE=" + u.String()}, "migrate")
		complaint(t, code, stdout, stderr, 2, "FRESNEL_DATABASE", `"absent" does not exist`)
	})
	for _, engine := range engines {
		t.Run("newer/"+engine, func(t *testing.T) {
			t.Parallel()
			sim, settings := simulator(t, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 1, Months: 2})
			where, db := database(t, engine)
			must(t, append(settings, where), "tenants", "import", importFile(t, sim))
			if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, " + map[string]string{"sqlite": "1", "postgres": "true"}[engine] + ")"); err != nil {
				t.Fatal(err)
			}
			before := registry(t, db)
			for _, command := range []string{"migrate", "serve", "worker", "sync"} {
				code, stdout, stderr := run(t, append(settings, where), command)
				complaint(t, code, stdout, stderr, 2, "schema version 9999", "newer Fresnel", "Nothing was changed")
			}
			if after := registry(t, db); len(before) == 0 || !reflect.DeepEqual(before, after) {
				t.Errorf("before: %v, after: %v", before, after)
			}
		})
		t.Run("of another program/"+engine, func(t *testing.T) {
			t.Parallel()
			where, db := database(t, engine)
			for _, q := range []string{"CREATE TABLE tenants (id INTEGER, name TEXT)", "INSERT INTO tenants (id, name) VALUES (1, 'not ours')"} {
				if _, err := db.Exec(q); err != nil {
					t.Fatal(err)
				}
			}
			code, stdout, stderr := run(t, []string{where}, "migrate")
			complaint(t, code, stdout, stderr, 2, "database cannot be used", "tenants")
			if got := rows(t, db, func(r *sql.Rows, v *string) error { return r.Scan(v) }, "SELECT name FROM tenants"); !reflect.DeepEqual(got, []string{"not ours"}) {
				t.Errorf("the other program's table holds %q", got)
			}
			if n := len(rows(t, db, func(r *sql.Rows, v *int) error { return r.Scan(v) }, "SELECT COUNT(*) FROM cost_cell")); n != 0 {
				t.Error("half a schema was left there")
			}
		})
	}
}

// registry is what is registered.
func registry(t *testing.T, db *sql.DB) []string {
	t.Helper()
	return rows(t, db, func(r *sql.Rows, v *string) error { return r.Scan(v) },
		"SELECT id || ' ' || name || ' ' || client_id || ' ' || secret_ref || ' ' || active || ' ' || updated_at FROM tenant ORDER BY id")
}

// TestImport imports files with mistakes: nothing of them is taken, and what was there stays.
func TestImport(t *testing.T) {
	t.Parallel()
	sim, settings := simulator(t, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 1, Months: 2})
	where, db := database(t, "sqlite")
	settings = append(settings, where)
	must(t, settings, "tenants", "import", importFile(t, sim))
	before := registry(t, db)
	if len(before) != 3 {
		t.Fatalf("registered: %q", before)
	}
	const a, b = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	vault := sim.Connection().VaultURL + "/secrets/x"
	good := `{"tenant_id": "` + a + `", "name": "A"}`
	tests := []struct {
		name, file string
		want       []string
	}{
		{"empty", "", []string{"import file", "JSON list"}},
		{"not JSON", "tenant_id,name\n" + a + ",A\n", []string{"import file", "JSON list"}},
		{"cut short", "[" + good, []string{"import file"}},
		{"not a list", good, []string{"import file", "JSON list"}},
		{"unknown key", `[` + good + `, {"tenant_id": "` + b + `", "name": "B", "colour": "red"}]`, []string{"colour"}},
		{"secret in the file", `[{"tenant_id": "` + a + `", "name": "A", "client_secret": "hunter2"}]`, []string{"client_secret"}},
		{"twice", `[` + good + `, ` + good + `]`, []string{"entry 2", a, "twice"}},
		{"twice, spelt otherwise", `[{"tenant_id": "ABCDEF11-1111-4111-8111-111111111111", "name": "A"}, {"tenant_id": "abcdef11-1111-4111-8111-111111111111", "name": "B"}]`, []string{"entry 2", "twice"}},
		{"not a GUID", `[` + good + `, {"tenant_id": "contoso", "name": "B"}]`, []string{"entry 2", "contoso"}},
		{"no name", `[` + good + `, {"tenant_id": "` + b + `"}]`, []string{"entry 2", "name"}},
		{"app without secret", `[` + good + `, {"tenant_id": "` + b + `", "name": "B", "client_id": "` + a + `"}]`, []string{"entry 2", "client_secret_ref"}},
		{"client id", `[{"tenant_id": "` + b + `", "name": "B", "client_id": "me", "client_secret_ref": "` + vault + `"}]`, []string{"entry 1", "client_id"}},
		{"secret instead of a reference", `[{"tenant_id": "` + b + `", "name": "B", "client_id": "` + a + `", "client_secret_ref": "swordfish~"}]`, []string{"entry 1", "vault.azure.net"}},
		{"foreign vault", `[{"tenant_id": "` + b + `", "name": "B", "client_id": "` + a + `", "client_secret_ref": "https://evil.example/secrets/x"}]`, []string{"entry 1", "not a Key Vault"}},
		{"a bracket too much", `[` + good + `]]`, []string{"import file"}},
		{"more after the list", `[` + good + `] [` + good + `]`, []string{"import file"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tenants.json")
			write(t, path, test.file)
			code, stdout, stderr := run(t, settings, "tenants", "import", path)
			complaint(t, code, stdout, stderr, 2, test.want...)
		})
	}
	code, stdout, stderr := run(t, settings, "tenants", "import", "absent.json")
	complaint(t, code, stdout, stderr, 2, "import file", "absent.json")
	if after := registry(t, db); !reflect.DeepEqual(before, after) {
		t.Errorf("before: %q, after: %q", before, after)
	}
}

// TestHelp: the help of every command names its flags, and every setting by flag and by variable.
func TestHelp(t *testing.T) {
	t.Parallel()
	commands := map[string][]string{
		"": {"demo", "serve", "worker", "sync", "migrate", "sim", "tenants import", "version"}, "demo": {"--addr", "--dir", "--tenants", "--seed", "--throttle"},
		"serve": {}, "worker": {}, "sync": {"costs"}, "migrate": {}, "version": {}, "tenants": {"import"}, "tenants import": {"<file>", "client_secret_ref", "Lighthouse"},
		"sim": {"--addr", "--dir", "--tenants", "--subscriptions", "--seed", "--throttle", "--now", "--refresh", "--faults", "--markup"},
	}
	settings := reflect.TypeFor[app.Config]()
	for command, words := range commands {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, nil, append(strings.Fields(command), "--help")...)
			if code != 0 || stderr != "" {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			words := append(words, "Usage: fresnel", "--help", "--config", "$FRESNEL_CONFIG")
			for f := range settings.Fields() {
				env := f.Tag.Get("env")
				_, hidden := f.Tag.Lookup("hidden")
				flag := "--" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(env, "FRESNEL_")), "_", "-")
				switch {
				case env == "" || f.Tag.Get("help") == "":
					t.Errorf("setting %s has no variable or no help", f.Name)
				case hidden:
					if strings.Contains(stdout, env) {
						t.Errorf("%s is for tests, and in the help", env)
					}
				default:
					words = append(words, flag, "$"+env)
				}
			}
			for _, w := range words {
				if !strings.Contains(stdout, w) {
					t.Errorf("the help of fresnel %s does not have %s", command, w)
				}
			}
		})
	}
}
