package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
)

// needles are thousands of texts that are looked for at once: a tree by their bytes.
// ASCII letters are the same in capitals.
type needles struct {
	root *needle
	n    int
}

type needle struct {
	next map[byte]*needle
	text string // that ends here
}

// found is a place where one of the needles is.
type found struct {
	text string
	at   int
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

func (n *needles) add(text string) {
	if text == "" {
		return
	}
	if n.root == nil {
		n.root = &needle{}
	}
	at := n.root
	for i := range len(text) {
		if at.next == nil {
			at.next = map[byte]*needle{}
		}
		b := lower(text[i])
		if at.next[b] == nil {
			at.next[b] = &needle{}
		}
		at = at.next[b]
	}
	if at.text == "" {
		at.text = text
		n.n++
	}
}

// in gives every place where a needle is, in one walk.
func (n *needles) in(text []byte) (out []found) {
	var first [256]*needle
	for b := range first {
		first[b] = n.root.next[lower(byte(b))]
	}
	for i := range text {
		at := first[text[i]]
		for j := i + 1; at != nil; j++ {
			if at.text != "" {
				out = append(out, found{at.text, i})
			}
			if j == len(text) {
				break
			}
			at = at.next[lower(text[j])]
		}
	}
	return out
}

func (n *needles) inText(text string) []found { return n.in([]byte(text)) }

// leak looks for people in all that the program keeps and tells.
type leak struct {
	*world
	people  *needles
	written map[string]bool // needles that are the values of tags, too, in small letters: customers wrote them
	key     *regexp.Regexp  // what stands before such a value: the key of its tag
	seen    map[string]int  // in which places those were found
}

// searched collects every text that names somebody who ever was in a directory.
func (w *world) searched(t *testing.T) *leak {
	t.Helper()
	l := &leak{world: w, people: &needles{}, written: map[string]bool{}, seen: map[string]int{}}
	w.DirectoryPeople("", w.Clock().Now(), func(p azuresim.DirectoryPerson) bool {
		for _, s := range []string{p.DisplayName, p.UserPrincipalName, p.Mail, p.Surname} {
			l.people.add(s)
			// Each is found, in a text that begins or ends with it, and in capitals.
			for _, text := range []string{s, "x" + s, s + "x", strings.Map(func(r rune) rune {
				if 'a' <= r && r <= 'z' {
					return r - 'a' + 'A'
				}
				return r
			}, s)} {
				if s != "" && !slices.ContainsFunc(l.people.inText(text), func(f found) bool { return strings.EqualFold(f.text, s) }) {
					t.Fatalf("%q is not found in %q: the test shows nothing", s, text)
				}
			}
		}
		return true
	})
	keys := map[string]bool{}
	w.Inventory("", time.Time{}, func(r azuresim.Resource) bool {
		for k, v := range r.Tags {
			text := strings.ToLower(fmt.Sprint(v))
			if f := l.people.inText(text); len(f) > 0 && len(f[0].text) == len(text) {
				l.written[text] = true
				keys[regexp.QuoteMeta(k)] = true
			}
		}
		return true
	})
	l.key = regexp.MustCompile(`(?i)\b(` + strings.Join(slices.Sorted(maps.Keys(keys)), "|") + `)\b[^{};]*$`)
	if l.people.n < 4000 || len(l.written) < 5 {
		t.Errorf("%d names, of which %d are in tags: the test shows nothing", l.people.n, len(l.written))
	}
	return l
}

// Where tags may be, as customers wrote them.
const (
	noTags   = iota
	values   // bare, in a file
	lines    // on lines of their own
	withKeys // after their keys
)

// none fails if somebody is named in a text: but, where there may be tags, by a tag
// that is nothing but the address.
func (l *leak) none(t *testing.T, where string, text []byte, tags int) {
	t.Helper()
	told := 0
	for _, f := range l.people.in(text) {
		before := text[max(0, f.at-160):f.at]
		if tags != noTags && l.written[strings.ToLower(f.text)] && (tags == values || l.alone(text, f) && (tags == lines || l.key.Match(before))) {
			l.seen[where]++
			continue
		}
		if told++; told <= 3 {
			t.Errorf("%s names %q: %q", where, f.text, text[max(0, f.at-80):min(len(text), f.at+len(f.text)+40)])
		}
	}
	if told > 3 {
		t.Errorf("%s names people %d times", where, told)
	}
}

// alone tells whether what was found is no part of a longer name or address.
func (l *leak) alone(text []byte, f found) bool {
	part := func(i int) bool {
		return i >= 0 && i < len(text) && strings.IndexByte("_.@#", text[i]) >= 0
	}
	return !part(f.at-1) && !part(f.at+len(f.text))
}

// tables looks into every column of every row.
func (l *leak) tables(t *testing.T) {
	t.Helper()
	q := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if l.app.Engine() == "postgres" {
		q = "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'"
	}
	rows := map[string]int{}
	for _, one := range l.rows(t, q) {
		table := text(one[0])
		cols := l.columns(t, table)
		all := make([]bytes.Buffer, len(cols))
		for _, row := range l.rows(t, "SELECT * FROM "+table) {
			rows[strings.TrimPrefix(table, "public.")]++
			for i, v := range row {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				fmt.Fprintf(&all[i], "%v\n", v)
			}
		}
		for i, col := range cols {
			where := strings.TrimPrefix(table, "public.") + "." + col
			l.none(t, where, all[i].Bytes(), customers[where])
		}
	}
	for _, name := range []string{
		"sync_run", "sync_part", "finding", "exception", "cost_cell", "resource", "resource_doc", "tag_value", "compliance_finding", "identity_account", "identity_count", "identity_holding",
		"identity_member", "identity_app", "identity_credential", "identity_azure_role", "identity_other", "identity_role", "identity_role_count", "identity_fact", "identity_tenant", "identity_day",
	} {
		if rows[name] == 0 {
			t.Errorf("%s is empty: the test shows nothing", name)
		}
	}
}

// customers are the columns that hold tags as customers wrote them, and what was
// changed of them.
var customers = map[string]int{"tag_value.name": lines, "resource_doc.doc": withKeys, "resource_change.detail": withKeys}

// tagged tells whether an address tells tags.
func tagged(path string) int {
	for _, prefix := range []string{"/api/v1/resources", "/resources", "/partials/resource-table", "/partials/resource-changes"} {
		if strings.HasPrefix(path, prefix) {
			return withKeys
		}
	}
	return noTags
}

// files looks into the bytes of the database: what was deleted is there, too.
func (l *leak) files(t *testing.T) {
	t.Helper()
	path, ok := strings.CutPrefix(l.database, "sqlite:")
	if !ok {
		return
	}
	size := 0
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		b, err := os.ReadFile(path + end)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		size += len(b)
		l.none(t, "the file fresnel.db"+end, b, values) // in which columns tags are, tables tell
	}
	if size < 1<<20 || l.seen["the file fresnel.db"] == 0 {
		t.Errorf("a database of %d bytes, in which tags with names are found %d times: the test shows nothing", size, l.seen["the file fresnel.db"])
	}
}

// everywhere are the addresses of all lists, and of all that the API has.
func (w *world) everywhere(t *testing.T) []string {
	t.Helper()
	all := map[string]bool{}
	for _, list := range []map[string]bool{places(), inventoryPlaces(), compliancePlaces(), identityPlaces()} {
		maps.Copy(all, list)
	}
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(w.get("/openapi.json").body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		if methods["get"] != nil && !strings.Contains(path, "{") && path != namesPath {
			all[path] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// use asks for everything that there is, twice, as people do in an hour.
func (l *leak) use(t *testing.T) {
	t.Helper()
	paths := l.everywhere(t)
	for range 2 { // the second time from the cache, where it is
		for _, path := range paths {
			a := l.get(path)
			if a.status >= 500 {
				t.Errorf("%s: %d", path, a.status)
			}
			l.none(t, path, []byte(a.body), tagged(path))
			for name, list := range a.header {
				l.none(t, "the header "+name+" of "+path, []byte(strings.Join(list, "\n")), noTags)
			}
		}
	}
}

// named asks for the names of accounts of every tenant as a page does that shows them.
func (l *leak) named(t *testing.T) (n int) {
	t.Helper()
	for _, tenant := range l.Estate() {
		want := map[string]string{}
		l.DirectoryPeople(tenant.ID, l.Clock().Now(), func(p azuresim.DirectoryPerson) bool {
			want[p.ID] = p.DisplayName
			return true
		})
		query := namesPath + "?tenant=" + tenant.ID
		_, s := l.truthLists(t, tenant)
		for _, id := range both(s["privileged"], s["users"])[:10] {
			query += "&id=" + id
		}
		a := l.get(query)
		var got wire[map[string]string]
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
			l.none(t, a.path, []byte(a.body), noTags) // of a directory that is not to be read, or that fails
			continue
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("names may be kept: %q", a.header.Get("Cache-Control"))
		}
		for id, name := range got.Data {
			if n++; name != want[id] || len(l.people.inText(name)) == 0 {
				t.Errorf("%s is called %q and is %q", id, name, want[id])
			}
		}
	}
	return n
}

// shown asks for a page with names, which are there and are kept by nobody, and for the
// same page without.
func (l *leak) shown(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/identity?list=privileged", "/partials/identity-list?list=privileged"} {
		for _, tenant := range l.Estate()[:2] {
			one := path + "&tenant=" + tenant.ID
			a := l.get(one + "&names=1")
			if n := len(l.people.inText(a.body)); a.status != 200 || n < 10 || a.header.Get("Cache-Control") != "no-store" || a.header.Get("ETag") != "" {
				t.Errorf("%s: %d, %d names, %v", a.path, a.status, n, a.header)
			}
			if b := l.ask("GET", one+"&names=1", "If-None-Match", `W/"x"`); b.status != 200 {
				t.Errorf("%s: %d", b.path, b.status)
			}
			l.none(t, one, []byte(l.get(one).body), noTags)
		}
	}
}

// taggers makes those whom tags name accounts of their tenant.
func (w *world) taggers(t *testing.T) {
	t.Helper()
	for _, p := range w.People() {
		name, _, _ := strings.Cut(p.Mail, "@")
		if _, err := w.AddAccount(p.Tenant, azuresim.NewAccount{DisplayName: "Tag Writer " + name, UserPrincipalName: p.UserName, Mail: p.Mail, UserType: "Member", MFA: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNobodyIsNamed has everything read and looked at for an hour, by viewers who
// may see names and ask for them: then no name, mail or UPN of anybody who ever was in
// a directory is kept or told anywhere but where the names were asked for. What
// customers wrote into tags is theirs.
func TestNobodyIsNamed(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, time.Date(2026, 11, 24, 22, 40, 0, 0, time.UTC), azuresim.Options{
			Tenants: 6, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4, Accounts: 700, Guests: 150, MarkupNames: true,
		})
		w := begin(t, sim, database, months(2))
		w.logs = &safeText{}
		allow := func(c *app.Config, _ *app.Options) { c.IdentityNames = true }
		w.restart(t, months(2), allow)
		w.taggers(t)
		named := 0
		for step := range 5 { // midnight is in it
			switch step {
			case 1:
				w.changeDirectory(t)
			case 2: // what goes wrong is logged and told, too
				if err := sim.SetFaults([]azuresim.Fault{{API: "msgraph", Kind: "5xx", Status: 501, Probability: 0.3}, {API: "msgraph", Kind: "html", Probability: 0.2}}); err != nil {
					t.Fatal(err)
				}
			case 3:
				if err := sim.SetFaults(nil); err != nil {
					t.Fatal(err)
				}
			}
			w.readAll(t)
			if step == 0 {
				w.exceptSomebody(t)
			}
			l := w.searched(t)
			n := l.named(t)
			if named += n; n < 40 && step != 2 {
				t.Errorf("%d names were given: the test shows nothing", n)
			}
			if step != 2 {
				l.shown(t)
			}
			l.use(t)
			if n := l.named(t); n < 40 && step != 2 { // they are held now
				t.Errorf("%d names were given again", n)
			}
			sim.Clock().Advance(15 * time.Minute)
		}
		l := w.searched(t)
		l.tables(t)
		l.files(t)
		logs := w.logs.String()
		l.none(t, "the log", []byte(logs), noTags)
		if strings.Count(logs, "run ended") < 20 || !strings.Contains(logs, "level=DEBUG") || !strings.Contains(logs, "identity not read") {
			t.Errorf("%d bytes are logged: the test shows nothing", len(logs))
		}
		for where := range customers {
			if l.seen[where] == 0 {
				t.Errorf("no tag with a name in %s: the test shows nothing", where)
			}
		}
		t.Logf("%d names were told, of %d; tags: %v", named, l.people.n, l.seen)
	})
}

// readAll runs every job for every tenant.
func (w *world) readAll(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if _, err := w.app.SyncNow(ctx, []string{"costs", "resources", "compliance", "identity"}, nil); err != nil {
		t.Fatal(err)
	}
}

// exceptSomebody excepts a finding about an account, so that there is one.
func (w *world) exceptSomebody(t *testing.T) {
	t.Helper()
	list := w.findings(t, "rule="+identity.RuleStanding)
	if len(list) == 0 {
		t.Fatal("nobody holds power for good: the test shows nothing")
	}
	if a := w.send("POST", "/api/v1/exceptions", map[string]any{
		"rule": list[0].Rule, "tenant_id": list[0].TenantID, "object": list[0].Object, "verdict": "expected", "note": "known", "expires": fresnel.DayOf(w.Clock().Now().Add(72 * time.Hour)).String(),
	}); a.status/100 != 2 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	_ = w.get("/api/v1/exceptions?object=" + url.QueryEscape(list[0].Object))
}
