package app_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// browserChartData is what the page's script draws, and the table beside it.
type browserChartData struct {
	JSON struct {
		Days        []string     `json:"days"`
		Provisional []bool       `json:"provisional"`
		Totals      []*float64   `json:"totals"`
		Previous    *browserLine `json:"previous"`
		Forecast    *browserLine `json:"forecast"`
		Series      []browserLine
	}
	Head   []string
	Rows   [][]string
	Absent []string // colours of series that are nowhere on the canvas
}

type browserLine struct {
	Name   string     `json:"name"`
	Slot   int        `json:"slot"`
	Values []*float64 `json:"values"`
}

const browserReadChart = `(() => {
	const canvas = document.querySelector("canvas[data-chart]");
	const json = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
	const table = canvas.closest(".panel").querySelector("details.more table");
	const words = (e) => e.firstChild.textContent.trim();
	const d = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
	for (let i = 0; i < d.length; i += 4) seen.add("#" + ((1 << 24) + (d[i] << 16) + (d[i + 1] << 8) + d[i + 2]).toString(16).slice(1));
	const sum = (list) => list.reduce((a, v) => a + (v ?? 0), 0), all = sum(json.totals);
	const token = (slot) => getComputedStyle(document.documentElement).getPropertyValue("--s" + slot).trim();
	return {
		json, head: [...table.tHead.rows[0].cells].map(words), rows: [...table.tBodies[0].rows].map((r) => [...r.cells].map(words)),
		absent: json.series.filter((s) => sum(s.values) > all / 20 && !seen.has(token(s.slot))).map((s) => s.name),
	};
})()`

// browserChart: the chart is drawn in the colours of its series, and the table
// beside it has the same figures.
func (w *world) browserChart(t *testing.T, b *browserTab) {
	for _, scheme := range []string{"light", "dark"} {
		for _, path := range []string{"/", "/?group=service", "/costs?group=subscription&period=30d", "/costs?granularity=monthly&period=90d", "/costs?granularity=accumulated", "/costs?tenant=" + w.Estate()[1].ID} {
			b.look(t, scheme, 1440)
			b.open(t, path)
			var c browserChartData
			if err := json.Unmarshal(browserEval[[]byte](t, b, browserReadChart), &c); err != nil {
				t.Fatal(err)
			}
			if len(c.Absent) > 0 || len(c.JSON.Series) == 0 {
				t.Errorf("%s %s: %d series, not drawn: %v", scheme, path, len(c.JSON.Series), c.Absent)
			}
			c.compare(t, path)
		}
	}
	b.calm(t, "")
}

func (c browserChartData) compare(t *testing.T, path string) {
	t.Helper()
	columns := []browserLine{{Name: "Total", Values: c.JSON.Totals}}
	if c.JSON.Previous != nil {
		columns = append(columns, *c.JSON.Previous)
	}
	if c.JSON.Forecast != nil {
		columns = append(columns, *c.JSON.Forecast)
	}
	columns = append(columns, c.JSON.Series...)
	var names []string
	for _, l := range columns {
		names = append(names, l.Name)
	}
	if !slices.Equal(c.Head[1:], names) || len(c.Rows) != len(c.JSON.Days) {
		t.Fatalf("%s: the table has %v and %d rows, the chart %v and %d steps", path, c.Head, len(c.Rows), names, len(c.JSON.Days))
	}
	known := 0
	for i, row := range c.Rows {
		if row[0] != c.JSON.Days[i] {
			t.Errorf("%s: row %d is %s, the chart's is %s", path, i, row[0], c.JSON.Days[i])
		}
		sum := 0.0
		for j, l := range columns {
			v, cell := l.Values[i], row[j+1]
			if v == nil {
				if cell != "—" {
					t.Errorf("%s: %s of %s is %q, the chart knows none", path, l.Name, row[0], cell)
				}
				continue
			}
			known++
			if cents := browserCents(cell); math.Abs(cents-*v*100) > 0.501 {
				t.Errorf("%s: %s of %s is %q, the chart draws %f", path, l.Name, row[0], cell, *v)
			}
			if j >= len(columns)-len(c.JSON.Series) {
				sum += *v
			}
		}
		if total := c.JSON.Totals[i]; total != nil && math.Abs(sum-*total) > 0.0001 {
			t.Errorf("%s: the series of %s add up to %f, the total is %f", path, row[0], sum, *total)
		}
	}
	if known == 0 {
		t.Errorf("%s: no figure at all", path)
	}
}

// browserCents reads an amount as the table prints it.
func browserCents(s string) float64 {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return math.NaN()
	}
	if strings.Contains(s, "−") {
		return -n
	}
	return n
}
