package storetest

import (
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

func cutWindow(c cost.Cut, i, j int, m cost.Metric, asked time.Time) cost.Window {
	w := window(i, j, may, m, asked)
	w.Cut = c
	return w
}

func charge(d fresnel.Day, kind, service string, micros int64) cost.Line {
	return cost.Line{Day: d, ChargeType: kind, Service: service, Currency: "EUR", Micros: micros, USDMicros: micros * 2}
}

func resource(id, service string, micros int64) cost.Line {
	return cost.Line{Day: may.From, Resource: id, Service: service, Currency: "EUR", Micros: micros, USDMicros: micros * 2}
}

// testCuts keeps the three cuts of the same costs apart.
func testCuts(f *fixture) {
	f.register(2, 2)
	d := may.From + 3
	f.replace(window(0, 0, may, cost.Actual, noon), fourLines(), 4)
	f.replace(cutWindow(cost.CutCharges, 0, 0, cost.Actual, noon), []cost.Line{
		charge(d, cost.ChargeUsage, "VM", 5), charge(d, cost.ChargePurchase, "VM", 7), charge(d+1, cost.ChargeUsage, "SQL", 11),
	}, 3)
	f.replace(cutWindow(cost.CutCharges, 0, 0, cost.Amortized, noon), []cost.Line{charge(d, cost.ChargeUsage, "VM", 6)}, 1)
	f.replace(cutWindow(cost.CutResources, 0, 0, cost.Actual, noon), []cost.Line{
		resource("/subscriptions/X/vm1", "VM", 13), resource("/SUBSCRIPTIONS/x/VM1", "VM", 17), resource("", "SQL", 19),
	}, 2)
	f.replace(cutWindow(cost.CutResources, 1, 0, cost.Actual, noon), []cost.Line{resource("/subscriptions/Y/vm1", "VM", 23)}, 1)

	all := fresnel.AllTenants()
	sum := func(s cost.Sum, micros int64) cost.Sum {
		s.Currency, s.Micros, s.USDMicros = "EUR", micros, micros*2
		return s
	}
	for _, c := range []struct {
		what string
		s    fresnel.Scope
		q    cost.Query
		want []cost.Sum
	}{
		{"groups alone", all, cost.Query{}, []cost.Sum{sum(cost.Sum{}, 100_000_010)}},
		{"charges", all, cost.Query{By: cost.ByCharge}, []cost.Sum{sum(cost.Sum{Charge: "Purchase"}, 7), sum(cost.Sum{Charge: "Usage"}, 16)}},
		{"one charge type by service", all, cost.Query{By: cost.ByService, Charges: []string{"Usage"}}, []cost.Sum{sum(cost.Sum{Service: "SQL"}, 11), sum(cost.Sum{Service: "VM"}, 5)}},
		{"the other metric", all, cost.Query{By: cost.ByCharge, Metric: cost.Amortized}, []cost.Sum{sum(cost.Sum{Charge: "Usage"}, 6)}},
		{"resources", fresnel.ScopeOf(TenantID(0)), cost.Query{By: cost.ByResource}, []cost.Sum{sum(cost.Sum{}, 19), sum(cost.Sum{Resource: "/subscriptions/x/vm1"}, 30)}},
		{"resources of another tenant", fresnel.ScopeOf(TenantID(1)), cost.Query{By: cost.ByResource | cost.ByMonth}, []cost.Sum{sum(cost.Sum{Resource: "/subscriptions/y/vm1", Day: may.From}, 23)}},
		{"a resource group", all, cost.Query{Groups: []string{"web"}, By: cost.ByGroup}, []cost.Sum{sum(cost.Sum{Group: "web"}, 40_000_004)}},
		{"resources of nobody", fresnel.Scope{}, cost.Query{By: cost.ByResource}, []cost.Sum{}},
	} {
		c.q.Period = may
		f.equal(c.what, f.sums(c.s, c.q), c.want)
	}
	f.invalid(cost.Query{Period: may, By: cost.ByCharge | cost.ByGroup})
	f.invalid(cost.Query{Period: may, By: cost.ByResource, Charges: []string{"Usage"}})
	f.invalid(cost.Query{Period: fresnel.Period{From: may.From, To: d}, By: cost.ByResource})

	// A cut is read, compared and refused by itself.
	again := cutWindow(cost.CutCharges, 0, 0, cost.Actual, noon.Add(time.Hour))
	f.replace(again, []cost.Line{charge(d, cost.ChargeUsage, "VM", 5), charge(d, cost.ChargePurchase, "VM", 7), charge(d+1, cost.ChargeUsage, "SQL", 12)}, 1)
	f.refused(f.ctx, again, nil, fresnel.Conflict)
	f.refused(f.ctx, cutWindow(cost.CutCharges, 0, 0, cost.Actual, noon), fourLines(), fresnel.Conflict)
	for cut, want := range map[cost.Cut]int{cost.CutGroups: 1, cost.CutCharges: 1, cost.CutResources: 2} {
		reads, err := f.db.CostReader().Coverage(f.ctx, all, may, cost.Actual, cut)
		f.ok(err)
		held := 0
		for _, r := range reads {
			for _, m := range r.Months {
				held += m.Read
			}
		}
		f.equal("subscriptions held of "+cut.String(), held, want)
	}
	restated, err := f.db.CostReader().Restated(f.ctx, all, everything(cost.Actual), 10)
	f.ok(err)
	f.equal("restated days are of the groups alone", len(restated), 0)
}

func (f *fixture) invalid(q cost.Query) {
	f.Helper()
	_, err := f.db.CostReader().Sums(f.ctx, fresnel.AllTenants(), q)
	f.kind(err, fresnel.Invalid)
}
