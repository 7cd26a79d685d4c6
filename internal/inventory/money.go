package inventory

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"fresnel"
)

// MonthCost is what a resource cost, in micro-units by currency.
type MonthCost struct {
	Full     map[string]int64 // the last full month
	SoFar    map[string]int64 // this month, as far as it is known
	FullUSD  int64            // CostUSD
	SoFarUSD int64
}

// Worth is a finding with what it is worth in a month.
type Worth struct {
	Finding fresnel.Finding // USD is set
	Detail  Detail
	Cost    MonthCost // of what it is about, as far as it is known
	// Known tells whether there is a cost of all that the finding is about, or
	// an estimate, or nothing to pay. What is not known is not zero.
	Known   bool
	Free    bool // what was found is not billed
	AtMost  bool // only a part of the cost could be saved, and nobody says which
	Advised bool // Cost is Azure's estimate of the savings
}

// Worths joins findings of waste with cost by resource, keyed by ARM id in
// lower case, and ranks them: known before unknown before free, then by
// dollars, the most first. It fails with a finding whose Detail is not of a rule.
func Worths(findings []fresnel.Finding, costs map[string]MonthCost) ([]Worth, error) {
	out := make([]Worth, 0, len(findings))
	for _, f := range findings {
		w := Worth{Finding: f}
		if err := json.Unmarshal([]byte(f.Detail), &w.Detail); err != nil {
			return nil, fresnel.Errorf(fresnel.Invalid, "finding %s of %s: %v", f.Rule, f.Object, err)
		}
		w.value(costs)
		out = append(out, w)
	}
	slices.SortStableFunc(out, compareWorth)
	return out, nil
}

func compareWorth(a, b Worth) int {
	rank := func(w Worth) int {
		switch {
		case w.Free:
			return 2
		case !w.Known:
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Finding.USD, a.Finding.USD),
		strings.Compare(string(a.Finding.Tenant), string(b.Finding.Tenant)),
		strings.Compare(a.Finding.Rule, b.Finding.Rule), strings.Compare(a.Finding.Object, b.Finding.Object),
	)
}

// resources are those whose cost the finding is about.
func (w *Worth) resources() []string {
	if len(w.Detail.About) > 0 {
		return w.Detail.About
	}
	return []string{w.Finding.Object}
}

func (w *Worth) value(costs map[string]MonthCost) {
	if !w.Detail.Costs {
		w.Free, w.Known = true, true
		return
	}
	w.Known = true
	for _, key := range w.resources() {
		c, ok := costs[key]
		w.Known = w.Known && ok
		w.Cost.add(c)
	}
	w.AtMost = w.Detail.Part
	w.Finding.USD = w.Cost.monthUSD()
	if w.Detail.Savings != nil {
		w.advise(*w.Detail.Savings)
	}
}

// advise puts Azure's estimate in place of the cost. Its dollars are by the
// rate at which the cost of the same resources was converted.
func (w *Worth) advise(s Savings) {
	var a fresnel.Amount
	if a.Add(s.Amount) != nil {
		return
	}
	micros, usd := a.Micros(), int64(0)
	switch full := w.Cost.Full[s.Currency]; {
	case s.Currency == "USD":
		usd = micros
	case full > 0 && len(w.Cost.Full) == 1:
		usd = int64(math.Round(float64(micros) * (float64(w.Cost.FullUSD) / float64(full))))
	}
	w.Cost = MonthCost{Full: map[string]int64{s.Currency: micros}, FullUSD: usd}
	w.Finding.USD, w.Known, w.AtMost, w.Advised = usd, true, false, true
}

// Over tells whether the finding is worth more than an amount a month in any
// currency: by the last full month, or by this one if that alone says so.
func (w *Worth) Over(micros int64) bool {
	for _, m := range []map[string]int64{w.Cost.Full, w.Cost.SoFar} {
		for _, v := range m {
			if v > micros {
				return true
			}
		}
	}
	return false
}

// monthUSD is a month in dollars: the last full one, or for what is younger
// this one so far.
func (c MonthCost) monthUSD() int64 {
	if len(c.Full) == 0 {
		return c.SoFarUSD
	}
	return c.FullUSD
}

func (c *MonthCost) add(d MonthCost) {
	c.Full, c.SoFar = sumOf(c.Full, d.Full), sumOf(c.SoFar, d.SoFar)
	c.FullUSD += d.FullUSD
	c.SoFarUSD += d.SoFarUSD
}

// sumOf is the sum of two amounts by currency, in a map of its own.
func sumOf(a, b map[string]int64) map[string]int64 {
	if len(b) == 0 {
		return a
	}
	out := maps.Clone(a)
	if out == nil {
		out = map[string]int64{}
	}
	for k, v := range b {
		out[k] += v
	}
	return out
}

// Total is what findings are worth together.
type Total struct {
	Waste   MonthCost // of resources that could go as a whole
	AtMost  MonthCost // of resources of which only a part could be saved
	Unknown int       // findings with resources whose cost is not known
}

// SumWorths adds the cost of what findings are about. A resource of several findings
// counts once, and as a whole if one of them says so: a machine's disks are in
// the finding of the machine as well. Estimates of Azure are not in it, for
// they overlap with one another.
func SumWorths(ws []Worth, costs map[string]MonthCost) Total {
	var t Total
	seen := set{}
	for _, part := range []bool{false, true} {
		for i := range ws {
			w := &ws[i]
			if w.Free || w.Advised || w.AtMost != part {
				continue
			}
			if !w.Known {
				t.Unknown++
			}
			for _, key := range w.resources() {
				if seen.has(key) {
					continue
				}
				seen.add(key)
				if part {
					t.AtMost.add(costs[key])
				} else {
					t.Waste.add(costs[key])
				}
			}
		}
	}
	return t
}
