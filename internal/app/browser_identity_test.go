package app_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
)

// peopleAddresses are the pages of identity.
func (w *world) peopleAddresses() []browserAddress {
	one := w.Estate()[0].ID
	out := []browserAddress{
		{name: "identity", path: "/identity", whole: true},
		{name: "identity-of-one", path: "/identity?tenant=" + one + "&by=guests"},
		{name: "identity-names", path: "/identity?names=1&tenant=" + one, whole: true},
		{name: "states-of-identity", path: "/dev/states/identity", long: true},
		{name: "no-such-list", path: "/identity?list=everybody"},
	}
	for _, list := range []string{"guests", "stale", "never-used", "mfa-missing", "credentials", "roles", "others", "findings", "users", "eligible-only", "privileged-azure", "disabled-with-roles", "guests-pending"} {
		out = append(out, browserAddress{name: "identity-" + list, path: "/identity?list=" + list})
	}
	return out
}

// TestBrowserIdentity looks at the pages of identity and uses them as people do.
func TestBrowserIdentity(t *testing.T) {
	long(t)
	b := browserOpen(t, "")
	estate := browserEstate()
	estate.Accounts, estate.Guests = 900, 90
	w := begin(t, simulate(t, late, estate), "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), browserConfig, func(c *app.Config, _ *app.Options) { c.IdentityNames = true })
	for _, days := range []int{-20, -3, 0} {
		w.Clock().Freeze(late.AddDate(0, 0, days))
		w.identities(t)
	}
	b.base = browserSite(t, w.app)
	t.Run("looks", func(t *testing.T) { w.browserLooks(t, b, w.peopleAddresses()) })
	t.Run("budget", func(t *testing.T) { w.browserPeopleBudget(t, b) })
	t.Run("numbers", func(t *testing.T) { w.browserPeopleNumbers(t, b) })
	t.Run("names", func(t *testing.T) { w.browserPeopleNames(t, b) })
	t.Run("findings", func(t *testing.T) { w.browserPeopleFindings(t, b) })
}

func (w *world) browserPeopleBudget(t *testing.T, b *browserTab) {
	for _, a := range w.peopleAddresses() {
		if a.long {
			continue
		}
		b.look(t, "light", 1440)
		b.open(t, a.path)
		if n := browserEval[int](t, b, `document.getElementsByTagName("*").length`); n > 1500 {
			t.Errorf("%s: %d elements, the budget is 1500", a.path, n)
		}
	}
	for _, p := range []string{"stats", "gaps", "trend", "list", "rules", "card"} {
		if r := w.get("/partials/identity-" + p); r.status != 200 || len(r.body) > 120<<10 {
			t.Errorf("%s: %d, %d bytes", p, r.status, len(r.body))
		}
	}
}

// browserPeopleNumbers compares the numbers on the page with the lists behind them, and with the truth.
func (w *world) browserPeopleNumbers(t *testing.T, b *browserTab) {
	b.look(t, "light", 1440)
	for _, tenant := range w.Estate() {
		want, _ := w.truthLists(t, tenant)
		b.open(t, "/identity?tenant="+tenant.ID)
		text := browserEval[string](t, b, `document.getElementById("identity-stats").innerText`)
		for _, l := range []identity.List{identity.Users, identity.PrivilegedUsers, identity.Guests, identity.IdleUsers} {
			if n := fmt.Sprintf("%d", len(want[l])); !strings.Contains(text, n) {
				t.Errorf("%s: %s is %s; the cards say %q", tenant.Name, l, n, text)
			}
		}
		for list, l := range map[string]identity.List{"guests": identity.Guests, "stale": identity.IdleUsers, "mfa-missing": identity.WithoutMFA} {
			b.open(t, "/identity?tenant="+tenant.ID+"&list="+list)
			if got := browserEval[string](t, b, `document.getElementById("identity-list").innerText`); !strings.Contains(got, fmt.Sprintf("of %d", len(want[l]))) {
				t.Errorf("%s %s does not say %d rows: %.200q", tenant.Name, list, len(want[l]), got)
			}
		}
	}
}

// browserPeopleNames asks for names: they are shown, as text, and are gone with the next page.
func (w *world) browserPeopleNames(t *testing.T, b *browserTab) {
	tenant := w.Estate()[0].ID
	b.look(t, "light", 1440)
	b.open(t, "/identity?tenant="+tenant)
	id := read[[]struct {
		ID string `json:"account_id"`
	}](t, w, "/api/v1/identity/privileged?limit=1&tenant="+tenant).Data[0].ID
	name := ""
	w.DirectoryPeople(tenant, w.Clock().Now(), func(p azuresim.DirectoryPerson) bool {
		if strings.EqualFold(p.ID, id) {
			name = p.DisplayName
		}
		return name == ""
	})
	if name == "" {
		t.Fatal("the first of the list has no name")
	}
	shown := func() bool {
		return strings.Contains(browserEval[string](t, b, `document.body.textContent`), name)
	}
	if shown() {
		t.Fatal("a name is shown that nobody asked for")
	}
	b.press(t, "#identity-list a", "Show names")
	b.until(t, "the name", fmt.Sprintf(`document.body.textContent.includes(%s)`, quoted(t, name)))
	if made := browserEval[[]string](t, b, browserInjected); len(made) > 0 {
		t.Errorf("a name became an element: %q", made)
	}
	if kept := browserEval[bool](t, b, fmt.Sprintf(`fetch("/identity?tenant=%s").then((r) => r.text()).then((s) => s.includes(%s))`, tenant, quoted(t, name))); kept {
		t.Error("the page without names has one now")
	}
	b.calm(t, "")
	b.open(t, "/identity?tenant="+tenant+"&list=stale")
	if shown() {
		t.Error("a name is shown on the next page")
	}
}

// browserPeopleFindings says of a finding that it is expected, for a reason: it leaves the open ones.
func (w *world) browserPeopleFindings(t *testing.T, b *browserTab) {
	b.look(t, "light", 1440)
	q := url.Values{"domain": {"identity"}, "rule": {identity.RuleGuestControl}, "state": {"open"}, "limit": {"100"}}
	type finding struct {
		ID     int64  `json:"id"`
		Object string `json:"object"`
	}
	open := read[[]finding](t, w, "/api/v1/findings?"+q.Encode()).Data
	if len(open) == 0 {
		t.Fatal("no finding: the test looks at nothing")
	}
	b.open(t, "/identity?list=findings&rule="+identity.RuleGuestControl)
	b.shows(t, "findings", "#identity-findings", "Guest in a control-plane role")
	sent := browserEval[bool](t, b, fmt.Sprintf(`(() => {
		const f = [...document.querySelectorAll("#identity-findings form")].find((f) => f.object.value === %s && f.found_by.value === %s);
		if (!f) return false;
		f.note.value = "a partner of ours <b>until spring</b>";
		f.expires.value = %q;
		f.querySelector("button[value=expected]").click();
		return true;
	})()`, quoted(t, open[0].Object), quoted(t, identity.RuleGuestControl), fresnel.DayOf(w.Clock().Now().AddDate(0, 2, 0))))
	if !sent {
		t.Fatal("the finding has no form")
	}
	b.until(t, "the verdict", `!document.querySelector("#identity-findings form[aria-busy=true]") && document.body.textContent.includes("<b>until spring</b>")`)
	for end := time.Now().Add(browserPatience); len(read[[]finding](t, w, "/api/v1/findings?"+q.Encode()).Data) != len(open)-1; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the finding is still open")
		}
	}
	b.calm(t, "")
}
