package azure

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// malformed is an answer that is not what the contract says.
type malformed struct{ why string }

func (m *malformed) Error() string { return "azure: cost answer: " + m.why }

// refusesCost tells whether a refusal is about the column Cost itself.
func refusesCost(err error) bool {
	e, ok := errors.AsType[*fresnel.Error](err)
	return ok && e.Err != nil && strings.Contains(e.Err.Error(), "PreTaxCost")
}

// costColumns holds where a column is in the rows.
type costColumns struct{ cost, usd, date, key, service, currency int }

// findColumns looks the columns up by name: their order differs by agreement
// and grouping.
func findColumns(names []string, f costForm) (costColumns, error) {
	var missing string
	at := func(name, alias string) int {
		for i, n := range names {
			if strings.EqualFold(n, name) || alias != "" && strings.EqualFold(n, alias) {
				return i
			}
		}
		missing = name
		return -1
	}
	c := costColumns{at(f.cost, ""), at(f.usd, ""), at(f.date, ""), at(f.key, f.alias), at("ServiceName", ""), at("Currency", "")}
	if missing != "" {
		return c, &malformed{"column " + missing + " is missing"}
	}
	return c, nil
}

type costAnswer struct {
	Properties *struct {
		NextLink *string `json:"nextLink"`
		Columns  []struct {
			Name string `json:"name"`
		} `json:"columns"`
		Rows [][]json.RawMessage `json:"rows"`
	} `json:"properties"`
}

// costKey is what a row is about; key is the cut's own.
type costKey struct {
	day                    fresnel.Day
	key, service, currency string
}

// costRow is a row of an answer, or several of the same key.
type costRow struct {
	costKey
	cost, usd fresnel.Amount
}

// parseCostPage reads one answer of the query API. Every row must hold a day,
// a currency and both amounts: null is unknown, and unknown is not zero.
func parseCostPage(r interface{ Read([]byte) (int, error) }, f costForm) (costPage, error) {
	var a costAnswer
	if err := json.NewDecoder(r).Decode(&a); err != nil {
		return costPage{}, &malformed{"not JSON: " + clip(err.Error())}
	}
	if a.Properties == nil {
		return costPage{}, &malformed{"no properties"}
	}
	page := costPage{}
	if a.Properties.NextLink != nil {
		page.next = *a.Properties.NextLink
	}
	if len(a.Properties.Rows) == 0 {
		return page, nil // an empty page may have no columns, and may have a successor
	}
	names := make([]string, len(a.Properties.Columns))
	for i, c := range a.Properties.Columns {
		names[i] = c.Name
	}
	cols, err := findColumns(names, f)
	if err != nil {
		return page, err
	}
	page.rows = make([]costRow, len(a.Properties.Rows))
	for i, row := range a.Properties.Rows {
		if len(row) != len(names) {
			return costPage{}, &malformed{"a row has another number of values than there are columns"}
		}
		if page.rows[i], err = parseCostRow(row, cols, f); err != nil {
			return costPage{}, err
		}
	}
	return page, nil
}

func parseCostRow(row []json.RawMessage, c costColumns, f costForm) (costRow, error) {
	var r costRow
	var err error
	if r.day, err = parseCostDate(string(row[c.date]), f.date); err != nil {
		return r, err
	}
	if r.cost, err = parseAmount(row[c.cost]); err != nil {
		return r, err
	}
	if r.usd, err = parseAmount(row[c.usd]); err != nil {
		return r, err
	}
	if r.currency, err = parseText(row[c.currency]); err != nil {
		return r, err
	}
	if r.currency = strings.ToUpper(strings.TrimSpace(r.currency)); r.currency == "" || len(r.currency) > 16 {
		return r, &malformed{"a row has no currency"}
	}
	if r.key, err = parseText(row[c.key]); err != nil {
		return r, err
	}
	r.service, err = parseText(row[c.service])
	return r, err
}

func parseAmount(raw json.RawMessage) (fresnel.Amount, error) {
	var a fresnel.Amount
	if err := a.Add(strings.Trim(string(raw), `"`)); err != nil {
		return a, &malformed{"an amount is " + clip(string(raw))}
	}
	return a, nil
}

// parseText reads a string; null is the empty group, as Azure means it.
func parseText(raw json.RawMessage) (string, error) {
	if string(raw) == "null" {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", &malformed{"a name is " + clip(string(raw))}
	}
	return s, nil
}

// parseCostDate reads a UsageDate 20261101, as a number or as text, or a
// BillingMonth "2026-11-01T00:00:00" as the month's first day.
func parseCostDate(s, column string) (fresnel.Day, error) {
	text := strings.Trim(s, `"`)
	layout := "20060102"
	if column == "BillingMonth" {
		layout, text = "2006-01", text[:min(len(text), 7)]
	}
	t, err := time.Parse(layout, text)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return 0, &malformed{"a date is " + clip(s)}
	}
	return fresnel.DayOf(t), nil
}

// costLines adds up the rows of an answer by their keys.
type costLines struct {
	cut  cost.Cut
	at   map[costKey]int
	rows []costRow
}

// add compares names of groups and resources in lower case, as Azure does.
func (l *costLines) add(r costRow) error {
	if l.cut != cost.CutCharges {
		r.key = strings.ToLower(r.key)
	}
	i, ok := l.at[r.costKey]
	if !ok {
		l.at[r.costKey] = len(l.rows)
		l.rows = append(l.rows, r)
		return nil
	}
	if err := errors.Join(l.rows[i].cost.Plus(r.cost), l.rows[i].usd.Plus(r.usd)); err != nil {
		return &malformed{"a sum is too large"}
	}
	return nil
}

// line is a sum as the domain knows it, rounded once.
func (l *costLines) line(r *costRow) cost.Line {
	line := cost.Line{Day: r.day, Service: r.service, Currency: r.currency, Micros: r.cost.Micros(), USDMicros: r.usd.Micros()}
	switch l.cut {
	case cost.CutGroups:
		line.ResourceGroup = r.key
	case cost.CutCharges:
		line.ChargeType = r.key
	case cost.CutResources:
		line.Resource = r.key
	}
	return line
}
