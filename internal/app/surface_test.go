package app_test

import (
	"cmp"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"fresnel"
	"fresnel/internal/azuresim"
)

type rise struct {
	TenantID    string   `json:"tenant_id"`
	TenantName  string   `json:"tenant_name"`
	Service     string   `json:"service"`
	Date        string   `json:"date"`
	Cost        money    `json:"cost"`
	Expected    money    `json:"expected"`
	Percent     *float64 `json:"rise_percent"`
	USD         money    `json:"usd"`
	USDExpected money    `json:"usd_expected"`
}

func (e *expected) rises(t *testing.T, q question) {
	t.Helper()
	path := q.path("/api/v1/costs/daily-rises", "limit=1000")
	if q.period.Days() > 100 {
		if a := e.w.get(path); a.status != 400 {
			t.Errorf("%s: %d for %d days", path, a.status, q.period.Days())
		}
		return
	}
	got := read[[]rise](t, e.w, path)
	want := e.wantRises(q)
	if d := diff(want, got.Data); d != "" {
		t.Errorf("%s (-truth +api):\n%s", path, d)
	}
	e.plainMeta(t, path, q, got.Meta)
}

// unasked checks the one default that differs between endpoints: daily rises are
// looked for in amortized cost, where a purchase is no spike.
func (e *expected) unasked(t *testing.T) {
	t.Helper()
	got := read[[]rise](t, e.w, "/api/v1/costs/daily-rises?period=30d&limit=1000")
	want := e.wantRises(question{metric: "amortized", period: period(e.today-29, e.today)})
	if d := diff(want, got.Data); d != "" || got.Meta.Metric != "amortized" {
		t.Errorf("rises of no metric, %s (-truth +api):\n%s", got.Meta.Metric, d)
	}
	if m := read[summary](t, e.w, "/api/v1/costs/summary").Meta; m.Metric != "actual" {
		t.Errorf("the summary of no metric is %s", m.Metric)
	}
}

// wantRises are the settled days on which a service of a tenant cost over
// 20 % and at least 25 USD more than on the day before and on the same weekday
// the week before, where those are held.
func (e *expected) wantRises(q question) []rise {
	at := map[cell]*[2]int64{} // by tenant, service, currency and day
	e.each(q, fresnel.Period{From: q.period.From - 7, To: q.period.To}, func(c cell) {
		k := cell{tenant: c.tenant, service: c.service, currency: c.currency, day: c.day}
		if at[k] == nil {
			at[k] = &[2]int64{}
		}
		at[k][0] += c.micros
		at[k][1] += c.usd
	})
	var out []rise
	end := e.settled(q)
	for k, v := range at {
		if k.day < q.period.From || k.day >= end || e.lacks[k.tenant] || k.day-7 < e.first {
			continue
		}
		var usual [2]int64
		for _, back := range []fresnel.Day{1, 7} {
			before := k
			before.day -= back
			if b := at[before]; b != nil {
				usual = [2]int64{max(usual[0], b[0]), max(usual[1], b[1])}
			}
		}
		if v[1]-usual[1] < 25_000_000 || 10*v[0] <= 12*usual[0] {
			continue
		}
		a := rise{
			TenantID: k.tenant, TenantName: e.names[k.tenant], Service: k.service, Date: k.day.String(),
			Cost: money{v[0], k.currency}, Expected: money{usual[0], k.currency}, USD: money{v[1], "USD"}, USDExpected: money{usual[1], "USD"},
		}
		if usual[0] > 0 {
			over := float64(v[0]-usual[0]) / float64(usual[0]) * 100
			a.Percent = &over
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b rise) int {
		return cmp.Or(cmp.Compare(b.USD.Micros-b.USDExpected.Micros, a.USD.Micros-a.USDExpected.Micros),
			cmp.Compare(b.Date, a.Date), cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.Service, b.Service))
	})
	return out
}

var (
	headline = regexp.MustCompile(`(?s)class="figure[^"]*">\s*<a [^>]*>([^<]+)</a>`)
	footing  = regexp.MustCompile(`(?s)<tfoot>.*?<td class="num strong">\s*([^<]*?)\s*<`)
)

// region is the part of a page that a partial serves alone.
func region(body, id string) string {
	_, after, _ := strings.Cut(body, `<section id="`+id+`"`)
	inside, _, _ := strings.Cut(after, "</section>")
	return inside
}

// shown compares what people see with what the API says.
func (e *expected) shown(t *testing.T) {
	t.Helper()
	one := e.estate[1]
	for _, words := range []string{
		"", "metric=amortized", "period=last-month", "period=30d&metric=amortized", "period=90d", "tenant=" + one.ID,
		"tenant=" + one.ID + "&metric=amortized&period=30d", "from=" + (e.today - 12).String() + "&to=" + (e.today - 4).String(),
	} {
		api := read[summary](t, e.w, "/api/v1/costs/summary?"+words).Data
		want := api.USD
		if len(api.Totals) == 1 {
			want = &api.Totals[0]
		}
		if want == nil { // unknown is a dash, not a zero
			for _, path := range []string{"/?", "/partials/cost-summary-card?", "/costs?"} {
				a := e.w.get(path + words)
				if path == "/?" { // beside it stands a forecast, which rests on the months before
					a.body = region(a.body, "cost-summary-card")
				}
				if a.status != 200 || !strings.Contains(a.body, `<p class="figure">—</p>`) || headline.MatchString(a.body) || footing.MatchString(a.body) {
					t.Errorf("%s: %d, shows a figure where nothing is known", a.path, a.status)
				}
			}
			continue
		}
		for _, path := range []string{"/?", "/partials/cost-summary-card?"} {
			e.shows(t, path+words, headline, want.Cost, 1_000_000)
		}
		for _, group := range []string{"", "&group=service", "&group=subscription"} {
			for _, path := range []string{"/costs?", "/partials/cost-breakdown?"} {
				e.shows(t, path+words+group, footing, want.Cost, 10_000)
			}
		}
	}
}

// shows fails unless a page prints an amount where a pattern finds it, rounded
// to a unit.
func (e *expected) shows(t *testing.T, path string, where *regexp.Regexp, want money, unit int64) {
	t.Helper()
	a := e.w.get(path)
	if strings.Contains(a.body, "<script>alert") {
		t.Errorf("%s runs what Azure calls a tenant", path)
	}
	m := where.FindStringSubmatch(a.body)
	if a.status != 200 || m == nil {
		t.Errorf("%s: %d, no figure found", path, a.status)
		return
	}
	symbol, ok := map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}[want.Currency]
	if !ok {
		symbol = want.Currency + "\u00a0"
	}
	text, ok := strings.CutPrefix(html.UnescapeString(m[1]), symbol)
	rounded := (want.Micros + unit/2) / unit
	digits := strings.NewReplacer(",", "", ".", "").Replace(text)
	if !ok || want.Micros <= 0 || digits != fmt.Sprint(rounded) || strings.Contains(text, ".") != (unit < 1_000_000) {
		t.Errorf("%s shows %q, the API says %d %s", path, m[1], want.Micros, want.Currency)
	}
}

// TestPaging reads lists row by row: whatever the order and the size of a
// page, each row comes once, and in the order of the whole list.
func TestPaging(t *testing.T) {
	t.Parallel()
	long(t)
	sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, Months: 2})
	engines(t, func(t *testing.T, database string) {
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		w.sync(t) // so that there are more runs to list
		lists := []string{
			"/api/v1/tenants", "/api/v1/tenants/" + sim.Estate()[0].ID + "/subscriptions", "/api/v1/sync/status",
			"/api/v1/costs/daily-rises?period=30d",
		}
		sorts := []string{"-cost", "cost", "name", "-name", "change", "-change"}
		for i, by := range breakdowns {
			for j, sort := range sorts {
				if i == 3 || i == j%3 {
					lists = append(lists, "/api/v1/costs/"+by.path+"?period=30d&sort="+sort)
				}
			}
		}
		for _, path := range lists {
			whole := read[[]map[string]any](t, w, with(path, "limit", "1000")).Data
			if len(whole) < 3 {
				t.Errorf("%s has %d rows: the test shows nothing", path, len(whole))
			}
			for _, size := range []int{1 + len(whole)/8, len(whole) - 1, len(whole)} {
				var paged []map[string]any
				next := with(path, "limit", fmt.Sprint(size))
				for pages := 0; ; pages++ {
					a := read[[]map[string]any](t, w, next)
					paged = append(paged, a.Data...)
					if len(a.Data) > size || pages > len(whole) {
						t.Fatalf("%s: a page of %d rows, %d pages", path, len(a.Data), pages)
					}
					if a.Meta.NextCursor == "" {
						break
					}
					next = with(with(path, "limit", fmt.Sprint(size)), "cursor", a.Meta.NextCursor)
				}
				if d := gocmp.Diff(whole, paged); d != "" {
					t.Errorf("%s in pages of %d (-whole +paged):\n%s", path, size, d)
				}
			}
		}
	})
}

// with adds a parameter to an address.
func with(path, name, value string) string {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	return path + join + name + "=" + url.QueryEscape(value)
}
