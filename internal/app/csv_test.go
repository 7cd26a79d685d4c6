package app_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"fresnel"
	"fresnel/internal/azuresim"
)

// sheet reads a CSV into rows by the names of its columns.
func sheet(t *testing.T, w *world, path string) (head []string, rows []map[string]string) {
	t.Helper()
	a := w.get(path)
	h := a.header
	if a.status != http.StatusOK || h.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename=\"fresnel-") {
		t.Fatalf("%s: %d %v %.300s", path, a.status, h, a.body)
	}
	// It is streamed: the cache, which holds answers whole, must not take it.
	if h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" {
		t.Errorf("%s: Cache-Control %q, ETag %q", path, h.Get("Cache-Control"), h.Get("ETag"))
	}
	lines, err := csv.NewReader(strings.NewReader(a.body)).ReadAll() // also fails unless all lines are of one length
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	head = lines[0]
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, name := range head {
			row[name] = l[i]
		}
		rows = append(rows, row)
	}
	return head, rows
}

// same rows, whatever their order: the long lists are told tenant by tenant.
func sameRows(t *testing.T, path string, want, got []string, least int) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s (-JSON +CSV):\n%.3000s", path, d)
	}
	if len(want) < least {
		t.Errorf("%s has %d rows: the test shows nothing", path, len(want))
	}
}

// cellText is a name as a CSV has it: one that begins like a formula is quoted.
func cellText(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
		return "'" + s
	}
	return s
}

func decimalOf(m money) string { return fresnel.Money{Micros: m.Micros}.Decimal() }

// known is an amount as text, empty where it is not known.
func known(m money) string {
	if m.Currency == "" {
		return ""
	}
	return decimalOf(m)
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return cellText(*s)
}

// formulas are names that a spreadsheet would run.
var formulas = []string{"=1+1", "+SUM(A1)", "-2+3", "@import", "=HYPERLINK(\"https://example.com\",\"x\"), quoted"}

// TestCSV compares the CSV of every list with its JSON, and the FOCUS export
// with the truth.
func TestCSV(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 5, SubscriptionsPerTenant: 3, Planted: 6, MarkupNames: true})
		w := begin(t, sim, database, months(6))
		var list []fresnel.Tenant
		for i, v := range sim.Connection().Tenants {
			list = append(list, fresnel.Tenant{ID: fresnel.TenantID(v.ID), Name: formulas[i], ClientID: v.ClientID, SecretRef: v.SecretRef, Active: true})
		}
		if err := w.app.ImportTenants(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		whole(t, w.sync(t))
		sim.Clock().Freeze(early.Add(5 * 24 * time.Hour)) // so that there are restated days
		whole(t, w.sync(t))
		for i, te := range sim.Estate() {
			w.addBudget(t, budgetInput{Name: formulas[(i+1)%5], Tenant: te.ID, Amount: "500", Currency: "USD", Service: []string{"", "=service", "Storage"}[i%3]})
		}
		w.breakdownSheets(t)
		w.listSheets(t)
		w.trendSheets(t)
		w.focus(t)
		for path, status := range map[string]int{
			"by-tenant.csv?period=nope": 400, "by-resource-group.csv?tenant=nobody": 404, "focus.csv?metric=actual": 422, "focus.csv?from=2026-11-02": 400,
			"movement.csv?group=colour": 422, "anomalies.csv?state=closed": 422, "by-charge-type.csv?resource_group=x": 400, "by-resource.csv?resource_group=x": 400,
			"nothing.csv": 404, "summary.csv": 404,
		} {
			refused(t, w.get("/api/v1/costs/"+path), status)
		}
	})
}

// breakdownSheets compares the breakdowns: a line is a row and its currency.
func (w *world) breakdownSheets(t *testing.T) {
	t.Helper()
	quoted := 0
	for i, by := range append(slices.Clone(breakdowns), byCharge, byResource) {
		for j, words := range []string{"period=last-month&metric=amortized", "period=90d&vs=none", "period=30d&service=Storage&service=Virtual%20Machines", "period=last-month&vs=prev-year"} {
			if by.path != "by-tenant" && (i+j)%2 == 0 {
				continue // by turns: it is a matter of time
			}
			rows, meta := pages[costRow](t, w, "/api/v1/costs/"+by.path+"?limit=300&"+words)
			var want []string
			for _, r := range rows {
				for _, f := range r.Figures {
					line := []string{
						meta.Period.From, meta.Period.To, meta.Metric, r.TenantID, r.SubscriptionID, textOf(r.Service), textOf(r.ResourceGroup), textOf(r.ChargeType), textOf(r.Resource), cellText(r.Name),
						f.Cost.Currency, decimalOf(f.Cost), "", "", "", decimalOf(r.USD.Cost),
					}
					if meta.Compared != nil {
						line[12], line[13] = decimalOf(f.Compared), decimalOf(f.Previous)
						if f.Change != nil {
							line[14] = strconv.FormatFloat(*f.Change, 'f', 2, 64)
						}
					}
					want = append(want, strings.Join(line, "|"))
				}
			}
			path := "/api/v1/costs/" + by.path + ".csv?" + words
			head, lines := sheet(t, w, path)
			var got []string
			for _, l := range lines {
				var line []string
				for _, name := range head {
					line = append(line, l[name])
				}
				if strings.HasPrefix(l["name"], "'") {
					quoted++
				}
				got = append(got, strings.Join(line, "|"))
			}
			sameRows(t, path, want, got, 2)
		}
	}
	if quoted < len(formulas) {
		t.Errorf("%d names that begin like a formula: the test shows nothing", quoted)
	}
}

// listSheets compares the lists that are not breakdowns.
func (w *world) listSheets(t *testing.T) {
	t.Helper()
	compare := func(path string, want []string, columns string, least int) {
		t.Helper()
		_, lines := sheet(t, w, path)
		var got []string
		for _, l := range lines {
			var line []string
			for name := range strings.SplitSeq(columns, " ") {
				v, ok := l[name]
				if !ok {
					t.Fatalf("%s has no column %s", path, name)
				}
				line = append(line, v)
			}
			got = append(got, strings.Join(line, "|"))
		}
		sameRows(t, path, want, got, least)
	}
	var want []string
	tenants, _ := pages[struct{ ID, Name string }](t, w, "/api/v1/tenants?limit=2")
	for _, v := range tenants {
		want = append(want, v.ID+"|"+cellText(v.Name))
	}
	compare("/api/v1/tenants.csv", want, "tenant_id name", len(formulas))

	for _, group := range []string{"tenant", "service", "resource-group", "charge-type"} {
		m := read[movement](t, w, "/api/v1/costs/movement?limit=1000&period=last-month&group="+group).Data
		if want = nil; m.Rest != nil {
			t.Errorf("movement by %s: a rest of %d", group, m.Rest.Others)
		}
		for _, v := range m.Moves {
			want = append(want, strings.Join([]string{v.TenantID, v.SubscriptionID, cellText(v.Name), v.Word, v.Before.Currency, decimalOf(v.Before), decimalOf(v.After), decimalOf(v.Change)}, "|"))
		}
		compare("/api/v1/costs/movement.csv?period=last-month&group="+group, want, "tenant_id subscription_id name direction currency before after change", 3)
	}

	for _, kind := range []string{"anomalies", "recurring"} {
		found, _ := pages[anomaly](t, w, "/api/v1/costs/"+kind+"?period=90d&limit=3")
		want = nil
		for _, a := range found {
			want = append(want, strings.Join([]string{
				fmt.Sprint(a.ID), a.Kind, a.State, a.TenantID, cellText(a.TenantName), a.SubscriptionID, cellText(a.Service), a.From, a.To,
				a.Cost.Currency, decimalOf(a.Cost), decimalOf(a.Expected), decimalOf(a.USD), decimalOf(a.USDExpected),
			}, "|"))
		}
		compare("/api/v1/costs/"+kind+".csv?period=90d", want, "id kind state tenant_id tenant subscription_id service from to currency cost expected usd usd_expected", 1)
	}

	rises, _ := pages[rise](t, w, "/api/v1/costs/daily-rises?period=90d&limit=7")
	want = nil
	for _, r := range rises {
		want = append(want, strings.Join([]string{r.TenantID, cellText(r.TenantName), r.Service, r.Date, r.Cost.Currency, decimalOf(r.Cost), decimalOf(r.Expected), decimalOf(r.USD), decimalOf(r.USDExpected)}, "|"))
	}
	compare("/api/v1/costs/daily-rises.csv?period=90d", want, "tenant_id tenant service date currency cost expected usd usd_expected", 3)

	restated := read[[]restatement](t, w, "/api/v1/costs/restated?period=90d&metric=amortized&limit=1000").Data
	want = nil
	for _, r := range restated {
		want = append(want, strings.Join([]string{r.TenantID, r.SubscriptionID, r.Date, "amortized", r.Before.Currency, decimalOf(r.Before), decimalOf(r.After), r.SeenAt.UTC().Format(time.RFC3339)}, "|"))
	}
	compare("/api/v1/costs/restated.csv?period=90d&metric=amortized", want, "tenant_id subscription_id date metric currency before after seen_at", 10)

	want = nil
	for _, b := range w.budgets(t, "").Data {
		spent := ""
		if b.Spent != nil {
			spent = decimalOf(*b.Spent)
		}
		want = append(want, strings.Join([]string{fmt.Sprint(b.ID), cellText(b.Name), b.TenantID, cellText(b.TenantName), cellText(b.Service), b.Metric, b.Amount.Currency, decimalOf(b.Amount), b.State, spent}, "|"))
	}
	compare("/api/v1/costs/budgets.csv", want, "id name tenant_id tenant service metric currency amount state spent", len(formulas))
}

// trendSheets compares trends: a line is a known step of a series.
func (w *world) trendSheets(t *testing.T) {
	t.Helper()
	for _, words := range []string{"group=tenant&period=30d", "group=service&period=90d&granularity=monthly&metric=amortized", "group=charge-type&accumulated=true", "period=7d"} {
		v := read[trend](t, w, "/api/v1/costs/trends?"+words)
		var want, got []string
		for i, s := range v.Data.Steps {
			if !s.Known {
				continue // unknown is not zero
			}
			line := func(name, usd string) string {
				return strings.Join([]string{s.Date, strconv.FormatBool(s.Settled), cellText(name), usd, v.Meta.Metric}, "|")
			}
			if len(v.Data.Series) == 0 {
				want = append(want, line("total", decimalOf(*s.USD)))
			}
			for _, one := range v.Data.Series {
				want = append(want, line(one.Name, one.USD[i]))
			}
		}
		path := "/api/v1/costs/trends.csv?" + words
		_, lines := sheet(t, w, path)
		for _, l := range lines {
			got = append(got, strings.Join([]string{l["date"], l["settled"], l["series"], l["usd"], l["metric"]}, "|"))
		}
		sameRows(t, path, want, got, 4)
	}
}

// The categories of decision 8.
var focusCategories = map[string]string{
	"Usage": "Usage||", "UnusedReservation": "Usage||Unused", "UnusedSavingsPlan": "Usage||Unused", "Purchase": "Purchase||",
	"Refund": "Adjustment|Correction|", "RoundingAdjustment": "Adjustment||",
}

// focus compares the export with the truth of the charges cut, row by row:
// what is billed is actual cost, what is effective is amortized.
func (w *world) focus(t *testing.T) {
	t.Helper()
	e := newExpected(w, w.nowBy(t, "charges"))
	for _, q := range []question{
		{words: "period=90d", period: period(e.today-89, e.today)},
		{words: "period=last-month&tenant=" + e.estate[1].ID, period: fresnel.Period{From: e.today.AddMonths(-1), To: e.today.MonthStart()}, tenants: []string{e.estate[1].ID}},
		{words: "from=2026-11-03&to=2026-11-03&sub=" + e.estate[0].Subscriptions[0].ID, period: period(fresnel.Date(2026, 11, 3), fresnel.Date(2026, 11, 3)), sub: e.estate[0].Subscriptions[0].ID},
	} {
		want := map[string][4]int64{} // billed, effective, and both in CostUSD
		bySub := map[string][2]int64{}
		for i, m := range metrics {
			q.metric = m
			e.each(q, q.period, func(c cell) {
				key := strings.Join([]string{c.tenant, c.sub, c.day.String(), c.group, cellText(c.service), c.currency}, "|")
				v := want[key]
				v[i] += c.micros
				v[2+i] += c.usd
				want[key] = v
				s := bySub[c.sub]
				s[i] += c.micros
				bySub[c.sub] = s
			})
		}
		path := "/api/v1/costs/focus.csv?" + q.words
		head, rows := sheet(t, w, path)
		if len(head) != 48 || head[0] != "BilledCost" || head[43] != "Tags" {
			t.Errorf("%s has the columns %v", path, head)
		}
		got, gotSub := map[string][4]int64{}, map[string][2]int64{}
		for _, r := range rows {
			start, err := time.Parse(time.RFC3339, r["ChargePeriodStart"])
			if err != nil || r["ChargePeriodEnd"] != start.AddDate(0, 0, 1).Format(time.RFC3339) {
				t.Fatalf("%s: %v", path, r)
			}
			sub := strings.TrimPrefix(r["SubAccountId"], "/subscriptions/")
			key := strings.Join([]string{r["x_TenantId"], sub, start.Format(time.DateOnly), r["x_ChargeType"], r["ServiceName"], r["BillingCurrency"]}, "|")
			if _, twice := got[key]; twice {
				t.Errorf("%s: %s twice", path, key)
			}
			var v [4]int64
			for i, name := range []string{"BilledCost", "EffectiveCost", "x_BilledCostInUsd", "x_EffectiveCostInUsd"} {
				if v[i], err = micros(r[name]); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
			}
			got[key] = v
			s := gotSub[sub]
			gotSub[sub] = [2]int64{s[0] + v[0], s[1] + v[1]}
			if c := r["ChargeCategory"] + "|" + r["ChargeClass"] + "|" + r["CommitmentDiscountStatus"]; c != focusCategories[r["x_ChargeType"]] || c == "" {
				t.Errorf("%s: charge type %s is %s", path, r["x_ChargeType"], c)
			}
			month := time.Date(start.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC)
			if r["BillingPeriodStart"] != month.Format(time.RFC3339) || r["BillingPeriodEnd"] != month.AddDate(0, 1, 0).Format(time.RFC3339) || r["SubAccountName"] != cellText(e.names[sub]) {
				t.Errorf("%s: %v", path, r)
			}
		}
		if d := gocmp.Diff(want, got); d != "" || len(want) == 0 {
			t.Errorf("%s (-truth +csv):\n%.3000s", path, d)
		}
		if d := gocmp.Diff(bySub, gotSub); d != "" {
			t.Errorf("%s: sums by subscription (-truth +csv):\n%s", path, d)
		}
		different := 0
		for _, s := range gotSub {
			if s[0] != s[1] {
				different++
			}
		}
		if different == 0 && len(q.tenants) == 0 && q.sub == "" {
			t.Error("what is billed is what is effective: a mix would not be noticed")
		}
	}
}

// leaver is a client that goes away with the first bytes: what is asked of the
// database from then on fails.
type leaver struct {
	*httptest.ResponseRecorder
	leave func()
}

func (l leaver) Write(p []byte) (int, error) {
	l.leave()
	return l.ResponseRecorder.Write(p)
}

// TestBrokenCSV breaks a CSV off in the middle: the connection must break, too,
// because a short list must not look like a whole one.
func TestBrokenCSV(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3})
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		for _, path := range []string{"/api/v1/costs/focus.csv?period=30d", "/api/v1/costs/by-resource.csv?period=30d", "/api/v1/costs/by-resource-group.csv?period=30d"} {
			_, rows := sheet(t, w, path)
			ctx, leave := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
			r.Host = "127.0.0.1:8080"
			to := leaver{httptest.NewRecorder(), leave}
			var broken any
			func() {
				defer func() { broken = recover() }()
				w.app.Handler().ServeHTTP(to, r)
			}()
			if lines := strings.Count(to.Body.String(), "\n"); broken != http.ErrAbortHandler || lines == 0 || lines > len(rows) { //nolint:errorlint // net/http compares it so
				t.Errorf("%s: %d of %d lines, and the connection ends with %v", path, lines, len(rows)+1, broken)
			}
		}
	})
}
