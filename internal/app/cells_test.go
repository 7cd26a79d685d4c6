package app_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// cell is the cost of one day, resource group and service of a subscription.
type cell struct {
	tenant, sub, group, service, currency string
	day                                   fresnel.Day
	micros, usd                           int64
}

// key is the cell without its amounts.
func (c cell) key() cell { c.micros, c.usd = 0, 0; return c }

func compareCells(a, b cell) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.sub, b.sub), cmp.Compare(a.day, b.day),
		cmp.Compare(a.group, b.group), cmp.Compare(a.service, b.service), cmp.Compare(a.currency, b.currency))
}

var metrics = []string{"actual", "amortized"}

// truth is what the simulator says Azure shows at an instant, by metric; the
// cells are ordered as compareCells does.
type truth map[string][]cell

// The cuts, by the words of the simulator, and by which keys the truth of
// their cells is summed.
var (
	cuts    = []string{"groups", "charges", "resources"}
	cutKeys = map[string][]string{
		"groups":    {"tenant", "subscription", "day", "service", "resource_group"},
		"charges":   {"tenant", "subscription", "day", "service", "charge_type"},
		"resources": {"tenant", "subscription", "month", "service", "resource"},
	}
)

// truthAt asks the simulator for the truth of a period at an instant.
func truthAt(t *testing.T, sim *azuresim.Server, at time.Time, p fresnel.Period) truth {
	t.Helper()
	return cutAt(t, sim, at, p, "groups")
}

// cutAt is the truth by a cut, rounded as its cells are. The cut's own key is
// in the place of the resource group; the day of a month is its first.
func cutAt(t *testing.T, sim *azuresim.Server, at time.Time, p fresnel.Period, cut string) truth {
	t.Helper()
	out := truth{}
	for metric, azures := range azureMetrics {
		rows, err := sim.Truth(azuresim.TruthQuery{At: at, From: p.From.Time(), To: (p.To - 1).Time(), Metric: azures, By: cutKeys[cut], Cut: cut})
		if err != nil {
			t.Fatal(err)
		}
		cells := make([]cell, len(rows))
		for i, r := range rows {
			if r.Month != "" {
				r.Day = r.Month + "-01"
			}
			d, err := fresnel.ParseDay(r.Day)
			if err != nil {
				t.Fatal(err)
			}
			cells[i] = cell{r.Tenant, r.Subscription, r.ResourceGroup + r.ChargeType + r.Resource, r.Service, r.Currency, d, r.Micros, r.USDMicros}
		}
		slices.SortFunc(cells, compareCells)
		out[metric] = cells
	}
	return out
}

var azureMetrics = map[string]string{"actual": "ActualCost", "amortized": "AmortizedCost"}

// now is the truth of the months that the program holds, at this moment.
func (w *world) now(t *testing.T) truth {
	t.Helper()
	return w.nowBy(t, "groups")
}

// nowBy is that truth by a cut.
func (w *world) nowBy(t *testing.T, cut string) truth {
	t.Helper()
	at := w.Clock().Now()
	today := fresnel.DayOf(at)
	return cutAt(t, w.Server, at, fresnel.Period{From: today.AddMonths(1 - w.config.Months), To: today + 1}, cut)
}

// held is every cell in the database.
func (w *world) held(t *testing.T) truth {
	t.Helper()
	return w.heldBy(t, "groups")
}

// The tables of the cuts, and where the names of their own keys are.
var cutTables = map[string]struct{ cells, key, names string }{
	"groups":    {"cost_cell", "rgroup", "resource_group"},
	"charges":   {"cost_charge", "charge", "charge_type"},
	"resources": {"cost_resource", "resource", "arm_id"},
}

// heldBy is every cell of a cut.
func (w *world) heldBy(t *testing.T, cut string) truth {
	t.Helper()
	out := truth{"actual": nil, "amortized": nil}
	of := cutTables[cut]
	rows, err := w.tables.Query(`SELECT c.metric, te.id, su.id, g.name, se.name, cu.name, c.day, c.micros, c.usd_micros FROM ` + of.cells + ` c
		JOIN subscription su ON su.num = c.sub JOIN tenant te ON te.num = su.tenant JOIN ` + of.names + ` g ON g.num = c.` + of.key + `
		JOIN service se ON se.num = c.service JOIN currency cu ON cu.num = c.currency`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var metric int
		var c cell
		if err := rows.Scan(&metric, &c.tenant, &c.sub, &c.group, &c.service, &c.currency, &c.day, &c.micros, &c.usd); err != nil {
			t.Fatal(err)
		}
		out[metrics[metric]] = append(out[metrics[metric]], c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, cells := range out {
		slices.SortFunc(cells, compareCells)
	}
	return out
}

// allTrue compares the cells of every cut with the truth, and gives how many
// they are.
func (w *world) allTrue(t *testing.T) (cells int) {
	t.Helper()
	first := fresnel.DayOf(w.Clock().Now()).AddMonths(1 - w.config.Months)
	for _, cut := range cuts {
		held := w.heldBy(t, cut)
		for _, m := range metrics { // as time goes by, more months are held than are asked for
			held[m] = slices.DeleteFunc(held[m], func(c cell) bool { return c.day < first })
		}
		for _, d := range untrue(held, w.nowBy(t, cut)) {
			t.Errorf("cut %s: %s", cut, d)
		}
		cells += len(held["actual"]) + len(held["amortized"])
	}
	w.rollups(t)
	return cells
}

// equalTruth compares what is held with the truth, cell by cell.
func equalTruth(t *testing.T, got, want truth) {
	t.Helper()
	for _, d := range untrue(got, want) {
		t.Error(d)
	}
}

func untrue(got, want truth) (differences []string) {
	for _, m := range metrics {
		if len(want[m]) == 0 {
			differences = append(differences, "the truth has no "+m+" cost: the test shows nothing")
		}
		if d := firstDifference(got[m], want[m]); d != "" {
			differences = append(differences, m+": "+d)
		}
	}
	return differences
}

func firstDifference(got, want []cell) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("cell %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d cells, want %d", len(got), len(want))
	}
	return ""
}

// rollups fails unless every rollup is the sum of the cells under it.
func (w *world) rollups(t *testing.T) {
	t.Helper()
	for _, r := range []struct{ table, keys, from string }{
		{"cost_tenant_day_service", "s.tenant, c.metric, c.day, c.service, c.currency", "tenant, metric, day, service, currency"},
		{"cost_tenant_day", "s.tenant, c.metric, c.day, c.currency", "tenant, metric, day, currency"},
		{"(SELECT * FROM cost_day WHERE cells <> 0) d", "c.metric, c.day, c.currency", "metric, day, currency"},
		{"cost_sub_day", "c.sub, c.metric, c.day, c.currency", "sub, metric, day, currency"},
	} {
		sums := "SELECT " + r.keys + ", CAST(SUM(c.micros) AS BIGINT), CAST(SUM(c.usd_micros) AS BIGINT), CAST(COUNT(*) AS BIGINT) FROM cost_cell c JOIN subscription s ON s.num = c.sub GROUP BY " + r.keys
		rolled := "SELECT " + r.from + ", micros, usd_micros, cells FROM " + r.table
		for _, q := range []string{sums + " EXCEPT " + rolled, rolled + " EXCEPT " + sums} {
			var n int
			if err := w.tables.QueryRow("SELECT COUNT(*) FROM (" + q + ") x").Scan(&n); err != nil {
				t.Fatal(err)
			}
			if n != 0 {
				t.Errorf("%s: %d rows are not the sums of their cells", r.table, n)
			}
		}
	}
}
