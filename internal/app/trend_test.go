package app_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"fresnel"
)

// addsUp fails unless rows of an answer add up to the summary's total.
func addsUp(t *testing.T, path string, rows []costRow, total summary) {
	t.Helper()
	got := map[string]*[3]int64{}
	add := func(currency string, f figure) {
		if got[currency] == nil {
			got[currency] = &[3]int64{}
		}
		for i, v := range []int64{f.Cost.Micros, f.Compared.Micros, f.Previous.Micros} {
			got[currency][i] += v
		}
	}
	for _, r := range rows {
		for _, f := range r.Figures {
			add(f.Cost.Currency, f)
		}
		add("CostUSD", r.USD)
	}
	want := map[string]*[3]int64{}
	figures := func(currency string, f figure) {
		want[currency] = &[3]int64{f.Cost.Micros, f.Compared.Micros, f.Previous.Micros}
	}
	for _, f := range total.Totals {
		figures(f.Cost.Currency, f)
	}
	if total.USD != nil {
		figures("CostUSD", *total.USD)
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s: the rows do not add up to the summary (-summary +rows):\n%s", path, d)
	}
}

type trend struct {
	Granularity string        `json:"granularity"`
	Steps       []trendStep   `json:"steps"`
	Series      []trendSeries `json:"series"`
}

type trendStep struct {
	Date    string  `json:"date"`
	Known   bool    `json:"known"`
	Settled bool    `json:"settled"`
	Totals  []money `json:"totals"`
	USD     *money  `json:"usd"`
}

type trendSeries struct {
	Name   string   `json:"name"`
	ID     string   `json:"id"`
	Others int      `json:"others"`
	USD    []string `json:"usd"`
}

func (e *expected) trend(t *testing.T, q question, granularity, group string) {
	t.Helper()
	path := q.path("/api/v1/costs/trends", "granularity="+granularity, "group="+group)
	got := read[trend](t, e.w, path)
	want := e.wantTrend(q, granularity == "monthly", group)
	running := path + "&accumulated=true"
	if d := diff(accumulated(t, want), read[trend](t, e.w, running).Data); d != "" {
		t.Errorf("%s (-truth +api):\n%s", running, d)
	}
	if d := diff(want, got.Data); d != "" {
		t.Errorf("%s (-truth +api):\n%s", path, d)
	}
	e.plainMeta(t, path, q, got.Meta)
	if group == "none" {
		return
	}
	for i, s := range got.Data.Steps {
		var sum int64
		for _, one := range got.Data.Series {
			v, err := micros(one.USD[i])
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			sum += v
		}
		if s.USD != nil && s.USD.Micros != sum || s.USD == nil && sum != 0 {
			t.Errorf("%s: the series of %s add up to %d, the step is %v", path, s.Date, sum, s.USD)
		}
	}
}

// accumulated is a trend of which each known step is the sum of all steps up
// to it.
func accumulated(t *testing.T, plain trend) trend {
	t.Helper()
	out := plain
	out.Steps, out.Series = slices.Clone(plain.Steps), slices.Clone(plain.Series)
	totals, usd := map[string]int64{}, int64(0)
	for i, s := range out.Steps {
		if s.USD == nil {
			continue
		}
		usd += s.USD.Micros
		out.Steps[i].USD = &money{usd, "USD"}
		out.Steps[i].Totals = nil
		for _, m := range s.Totals {
			totals[m.Currency] += m.Micros
			out.Steps[i].Totals = append(out.Steps[i].Totals, money{totals[m.Currency], m.Currency})
		}
	}
	for i, s := range out.Series {
		var sum int64
		out.Series[i].USD = nil
		for _, text := range s.USD {
			v, err := micros(text)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
			out.Series[i].USD = append(out.Series[i].USD, fresnel.Money{Micros: sum}.Decimal())
		}
	}
	return out
}

// The groups of a trend, by their word.
var trendKeys = map[string]func(cell) cell{
	"tenant":       func(c cell) cell { return cell{tenant: c.tenant} },
	"service":      func(c cell) cell { return cell{service: c.service} },
	"subscription": func(c cell) cell { return cell{sub: c.sub} },
	"charge-type":  func(c cell) cell { return cell{group: c.group} }, // of the charges cut
}

func (e *expected) wantTrend(q question, monthly bool, group string) trend {
	out := trend{Granularity: "daily"}
	stepOf := func(d fresnel.Day) fresnel.Day { return d }
	next := func(d fresnel.Day) fresnel.Day { return d + 1 }
	if monthly {
		out.Granularity, stepOf, next = "monthly", fresnel.Day.MonthStart, func(d fresnel.Day) fresnel.Day { return d.AddMonths(1) }
	}
	steps := map[fresnel.Day]sums{}
	series := map[cell]map[fresnel.Day]int64{}
	totals := map[cell]int64{}
	currencies := map[string]bool{}
	e.each(q, q.period, func(c cell) {
		d := stepOf(c.day)
		if steps[d] == nil {
			steps[d] = sums{}
		}
		steps[d].add(c, 0)
		currencies[c.currency] = true
		if key := trendKeys[group]; key != nil {
			k := key(c)
			if series[k] == nil {
				series[k] = map[fresnel.Day]int64{}
			}
			series[k][d] += c.usd
			totals[k] += c.usd
		}
	})
	settled := e.settled(q)
	_, lacking := e.asked(q)
	var days []fresnel.Day
	for d := stepOf(q.period.From); d < q.period.To; d = next(d) {
		days = append(days, d)
		s := trendStep{Date: d.String(), Known: len(steps[d]) > 0 || d < settled && len(lacking) == 0, Settled: next(d) <= settled}
		if s.Known {
			for _, c := range slices.Sorted(maps.Keys(currencies)) {
				m := money{Currency: c}
				if v := steps[d][c]; v != nil {
					m.Micros = v[0]
				}
				s.Totals = append(s.Totals, m)
			}
			s.USD = &money{steps[d].usd().Cost.Micros, "USD"}
		}
		out.Steps = append(out.Steps, s)
	}
	out.Series = e.wantSeries(series, totals, days)
	return out
}

// wantSeries are the six largest groups, or seven if there are no more, and
// the others as one.
func (e *expected) wantSeries(series map[cell]map[fresnel.Day]int64, totals map[cell]int64, steps []fresnel.Day) []trendSeries {
	keys := slices.Collect(maps.Keys(series))
	slices.SortFunc(keys, func(a, b cell) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(e.label(a), e.label(b)))
	})
	own := len(keys)
	if own > 7 {
		own = 6
	}
	var out []trendSeries
	write := func(name, id string, others int, folded []cell) {
		s := trendSeries{Name: name, ID: id, Others: others}
		for _, d := range steps {
			var v int64
			for _, k := range folded {
				v += series[k][d]
			}
			s.USD = append(s.USD, fresnel.Money{Micros: v}.Decimal())
		}
		out = append(out, s)
	}
	for _, k := range keys[:own] {
		write(e.label(k), k.tenant+k.sub, 0, []cell{k})
	}
	if rest := keys[own:]; len(rest) > 0 {
		write("Other", "", len(rest), rest)
	}
	return out
}

func (e *expected) label(k cell) string {
	return cmp.Or(k.group, k.service, e.names[k.sub], e.names[k.tenant])
}
