package cost_test

import (
	"context"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// memory is what a search reads and keeps, of one tenant.
type memory struct {
	cost.Reader
	cost.Sink
	today fresnel.Day
	spike int64 // on the tenth day before the settled ones end, of subscription s1
	late  string
	held  []fresnel.Finding
	kept  fresnel.Reconciled
}

func (m *memory) Read(_ context.Context, sub string) ([]cost.MonthRead, error) {
	at := m.today.Time().Add(12 * time.Hour)
	if sub == m.late {
		at = at.AddDate(0, 0, -5)
	}
	var out []cost.MonthRead
	for back := range 8 {
		out = append(out, cost.MonthRead{Cut: cost.CutCharges, Metric: cost.Amortized, Month: m.today.AddMonths(-back), At: at})
	}
	return out, nil
}

func (m *memory) Sums(_ context.Context, _ fresnel.Scope, q cost.Query) ([]cost.Sum, error) {
	var out []cost.Sum
	for _, sub := range q.Subscriptions {
		for d := q.Period.From; d < q.Period.To; d++ {
			v := 100_000_000 + int64(d%3)*1_000_000
			if sub == "s1" && d == m.today-13 {
				v += m.spike
			}
			out = append(out, cost.Sum{Subscription: sub, Service: "VM", Currency: "EUR", Day: d, Micros: v, USDMicros: v})
		}
	}
	return out, nil
}

func (m *memory) Held(_ context.Context, _ fresnel.TenantID, rule string, _ fresnel.Day) ([]fresnel.Finding, error) {
	if rule != cost.RuleAnomaly {
		return nil, nil
	}
	return m.held, nil
}

func (m *memory) Keep(_ context.Context, _ fresnel.TenantID, rule string, r fresnel.Reconciled, _ time.Time) error {
	if rule == cost.RuleAnomaly {
		m.kept = r
	}
	return nil
}

// TestSearchJudgesAgain: a day that was restated is judged again, and what was
// found of it is over; what cannot be judged this time is left as it is.
func TestSearchJudgesAgain(t *testing.T) {
	m := &memory{today: day("2026-11-20"), spike: 200_000_000}
	search := cost.Search{Reader: m, Sink: m, Kept: m, Now: func() time.Time { return m.today.Time().Add(13 * time.Hour) }}
	run := func() {
		t.Helper()
		if err := search.Tenant(t.Context(), fresnel.Tenant{ID: "t"}, []string{"s1", "s2"}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if len(m.kept.Put) != 1 || m.kept.Put[0].Since != m.today-13 || m.kept.Put[0].Object != "s1|EUR|VM" {
		t.Fatalf("found %+v, want the spike of s1", m.kept.Put)
	}
	m.held = m.kept.Put
	m.held[0].ID = 7
	m.spike = 300_000_000
	run()
	if len(m.kept.Put) != 1 || m.kept.Put[0].ID != 7 || m.kept.Put[0].USD < 250_000_000 || len(m.kept.Resolved) != 0 {
		t.Errorf("restated upwards it is the same finding, worth more: %+v", m.kept)
	}
	m.spike = 0
	run()
	if len(m.kept.Put) != 0 || len(m.kept.Resolved) != 1 || m.kept.Resolved[0].ID != 7 {
		t.Errorf("restated to what is usual it is over: %+v", m.kept)
	}
	m.late = "s1"
	run()
	if len(m.kept.Resolved) != 0 {
		t.Errorf("a subscription that was not read with the others proves nothing: %+v", m.kept)
	}
}
