package inventory

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"fresnel"
)

func worthFinding(t *testing.T, rule, object string, d Detail) fresnel.Finding {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return fresnel.Finding{Tenant: "t", Rule: rule, Object: object, Detail: string(raw)}
}

func month(currency string, full, usd int64) MonthCost {
	return MonthCost{Full: map[string]int64{currency: full}, FullUSD: usd, SoFar: map[string]int64{currency: full / 2}, SoFarUSD: usd / 2}
}

func TestWorths(t *testing.T) {
	costs := map[string]MonthCost{
		"/os": month("EUR", 40e6, 44e6), "/data": month("EUR", 60e6, 66e6), "/ip": month("USD", 4e6, 4e6), "/zero": {Full: map[string]int64{"EUR": 0}},
		"/new": {SoFar: map[string]int64{"EUR": 9e6}, SoFarUSD: 10e6}, "/vm": month("EUR", 100e6, 110e6),
	}
	ws, err := Worths([]fresnel.Finding{
		worthFinding(t, "avset-empty", "/as", Detail{}),
		worthFinding(t, "natgw-unused", "/nat", Detail{Costs: true}),
		worthFinding(t, "disk-unattached", "/zero", Detail{Costs: true}),
		worthFinding(t, "pip-unattached-static", "/ip", Detail{Costs: true}),
		worthFinding(t, "disk-unattached", "/new", Detail{Costs: true}),
		worthFinding(t, "vm-deallocated-long", "/vm2", Detail{Costs: true, About: []string{"/os", "/data"}}),
		worthFinding(t, "vm-deallocated-long", "/vm3", Detail{Costs: true, About: []string{"/os", "/lost"}}),
		worthFinding(t, "disk-premium-on-stopped-vm", "/os", Detail{Costs: true, Part: true}),
		worthFinding(t, "advisor-cost", "/r1", Detail{Costs: true, Part: true, About: []string{"/vm"}, Savings: &Savings{"20", "EUR"}}),
		worthFinding(t, "advisor-cost", "/r2", Detail{Costs: true, Part: true, Savings: &Savings{"5.5", "USD"}}),
		worthFinding(t, "advisor-cost", "/r3", Detail{Costs: true, Part: true, About: []string{"/ip"}, Savings: &Savings{"7", "CHF"}}),
	}, costs)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		object  string
		usd     int64
		known   bool
		free    bool
		atMost  bool
		advised bool
	}
	var got []row
	for _, w := range ws {
		got = append(got, row{w.Finding.Object, w.Finding.USD, w.Known, w.Free, w.AtMost, w.Advised})
	}
	want := []row{
		{"/vm2", 110e6, true, false, false, false},
		{"/os", 44e6, true, false, true, false},
		{"/r1", 22e6, true, false, false, true},
		{"/new", 10e6, true, false, false, false},
		{"/r2", 5.5e6, true, false, false, true},
		{"/ip", 4e6, true, false, false, false},
		{"/r3", 0, true, false, false, true}, // francs, of which nothing tells the rate
		{"/zero", 0, true, false, false, false},
		{"/vm3", 44e6, false, false, false, false}, // one disk's cost is not known: no whole sum
		{"/nat", 0, false, false, false, false},
		{"/as", 0, true, true, false, false},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
	if first := ws[0]; first.Cost.Full["EUR"] != 100e6 || first.Cost.SoFar["EUR"] != 50e6 || !first.Over(99e6) || first.Over(100e6) {
		t.Errorf("%+v", first.Cost)
	}

	total := SumWorths(ws, costs)
	// The OS disk is in the findings of two machines and in one of its own.
	if !maps.Equal(total.Waste.Full, map[string]int64{"EUR": 100e6, "USD": 4e6}) || total.Waste.FullUSD != 114e6 || total.AtMost.FullUSD != 0 || total.Unknown != 2 {
		t.Errorf("%+v", total)
	}
	if costs["/os"].Full["EUR"] != 40e6 {
		t.Error("what was given was changed")
	}
}

func TestWorthsOfOthers(t *testing.T) {
	if _, err := Worths([]fresnel.Finding{{Rule: "x", Detail: "{"}}, nil); fresnel.KindOf(err) != fresnel.Invalid {
		t.Errorf("%v", err)
	}
}
