package api

import (
	"context"
	"encoding/csv"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"fresnel"
	"fresnel/internal/cost"
)

// table is a list as CSV. Rows are made while they are sent, so that a long
// list needs no more memory than a short one.
type table struct {
	head []string
	rows iter.Seq2[[]string, error]
}

// getCSV declares the CSV form of a list: all of it, whatever its length. An
// error after the first row breaks the connection: a short list must not look
// like a whole one.
func getCSV[I any](a huma.API, h handlers, path, id, summary string, f func(context.Context, *I) (table, error)) {
	op := huma.Operation{
		OperationID: id + "-csv", Method: http.MethodGet, Path: path + ".csv", Summary: summary + ", as CSV", Errors: []int{400, 404, 422, 500, 503},
		Responses: map[string]*huma.Response{"200": {Description: "CSV with a head line, RFC 4180, UTF-8", Content: map[string]*huma.MediaType{"text/csv": {}}}},
	}
	huma.Register(a, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		t, err := f(ctx, in)
		if err != nil {
			return nil, h.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "text/csv; charset=utf-8")
			c.SetHeader("Content-Disposition", `attachment; filename="fresnel-`+id+`.csv"`)
			c.SetHeader("Cache-Control", "no-store")
			if err := t.write(csv.NewWriter(c.BodyWriter())); err != nil {
				if ctx.Err() == nil {
					h.Log.ErrorContext(ctx, "csv broken off", "req", fresnel.RequestID(ctx), "err", err)
				}
				panic(http.ErrAbortHandler)
			}
		}}, nil
	})
}

func (t table) write(w *csv.Writer) error {
	if err := w.Write(t.head); err != nil {
		return err
	}
	for row, err := range t.rows {
		if err != nil {
			return err
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// text is a name in a cell. Names come from outside: one that begins like a
// formula would run in a spreadsheet.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func decimal(micros int64) string { return fresnel.Money{Micros: micros}.Decimal() }

// percent is a share with two places, empty where it does not exist.
func percent(p float64, ok bool) string {
	if !ok {
		return ""
	}
	return strconv.FormatFloat(p, 'f', 2, 64)
}

// all makes the rows of a list that is in memory already.
func all[T any](list []T, row func(T) []string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, one := range list {
			if !yield(row(one), nil) {
				return
			}
		}
	}
}

// costByCSV has a line for every row and billing currency. Breakdowns by
// resource group and resource are long: they are told tenant by tenant.
func (h handlers) costByCSV(k breakdownKind) func(context.Context, *CostInput) (table, error) {
	return func(ctx context.Context, in *CostInput) (table, error) {
		s, a, err := h.ask(ctx, *in)
		if err != nil {
			return table{}, err
		}
		parts := []fresnel.Scope{s}
		if k.by.Has(cost.ByGroup) || k.by.Has(cost.ByResource) {
			if parts, err = h.tenantScopes(ctx, s); err != nil {
				return table{}, err
			}
		}
		a.By = k.by
		if _, err := a.Cut(); err != nil {
			return table{}, err
		}
		return table{breakdownHead, func(yield func([]string, error) bool) {
			for _, part := range parts {
				b, err := h.Reports.Breakdown(ctx, part, a)
				if err != nil {
					yield(nil, err)
					return
				}
				for _, r := range b.Rows {
					for _, f := range r.Figures {
						if !yield(breakdownLine(b, r, f), nil) {
							return
						}
					}
				}
			}
		}}, nil
	}
}

func (h handlers) tenantScopes(ctx context.Context, s fresnel.Scope) ([]fresnel.Scope, error) {
	tenants, err := h.Tenants.List(ctx, s)
	out := make([]fresnel.Scope, len(tenants))
	for i, t := range tenants {
		out[i] = s.Narrow(t.ID)
	}
	return out, err
}

var breakdownHead = []string{
	"from", "to", "metric", "tenant_id", "subscription_id", "service", "resource_group", "charge_type", "resource", "name",
	"currency", "cost", "compared", "previous", "change_percent", "usd_cost_all_currencies",
}

func breakdownLine(b cost.Breakdown, r cost.Row, f cost.Figure) []string {
	compared, previous, change := "", "", ""
	if b.Compared.Days() > 0 {
		compared, previous, change = decimal(f.Compared), decimal(f.Before), percent(f.Change())
	}
	return []string{
		b.Ask.Period.From.String(), (b.Ask.Period.To - 1).String(), b.Ask.Metric.String(), string(r.Tenant), r.Subscription, text(r.Service), text(r.Group),
		text(r.Charge), text(r.Resource), text(r.Name), text(f.Currency), decimal(f.Now), compared, previous, change, decimal(r.USD.Now),
	}
}

func (h handlers) trendCSV(ctx context.Context, in *trendInput) (table, error) {
	t, err := h.trend(ctx, in)
	if err != nil {
		return table{}, err
	}
	return table{[]string{"date", "known", "settled", "series", "usd", "metric"}, func(yield func([]string, error) bool) {
		line := func(i int, name string, v int64) []string {
			return []string{t.Steps[i].String(), strconv.FormatBool(t.Known[i]), strconv.FormatBool(t.Settled(i)), text(name), decimal(v), t.Ask.Metric.String()}
		}
		for i := range t.Steps {
			if !t.Known[i] {
				continue // unknown is not zero
			}
			if len(t.Series) == 0 && !yield(line(i, "total", t.Total.USDValues[i]), nil) {
				return
			}
			for _, s := range t.Series {
				if !yield(line(i, series(s).Name, s.USDValues[i]), nil) {
					return
				}
			}
		}
	}}, nil
}

func (h handlers) anomaliesCSV(report anomalyAsk) func(context.Context, *anomalyInput) (table, error) {
	head := []string{
		"id", "kind", "state", "tenant_id", "tenant", "subscription_id", "subscription", "service", "from", "to", "lasting",
		"currency", "cost", "expected", "change_percent", "usd", "usd_expected", "note", "author",
	}
	return func(ctx context.Context, in *anomalyInput) (table, error) {
		rep, err := h.anomalies(ctx, in, report)
		return table{head, all(rep.Anomalies, func(a cost.Anomaly) []string {
			note, by := "", ""
			if a.Exception != nil {
				note, by = a.Exception.Note, a.Exception.Author
			}
			return []string{
				a.Key(), string(a.Kind), string(a.State), string(a.Tenant), text(a.TenantName), a.Subscription, text(a.SubscriptionName), text(a.Service),
				a.From.String(), a.To.String(), strconv.FormatBool(a.Lasting), text(a.Currency), decimal(a.Actual), decimal(a.Expected),
				percent(a.Percent()), decimal(a.USDActual), decimal(a.USDExpected), text(note), text(by),
			}
		})}, err
	}
}

func (h handlers) risesCSV(ctx context.Context, in *riseInput) (table, error) {
	rep, err := h.rises(ctx, in)
	return table{[]string{"tenant_id", "tenant", "service", "date", "currency", "cost", "expected", "rise_percent", "usd", "usd_expected"}, all(rep.Rises, func(r cost.Rise) []string {
		return []string{
			string(r.Tenant), text(r.TenantName), text(r.Service), r.Day.String(), text(r.Currency), decimal(r.Micros), decimal(r.Expected),
			percent(r.Percent()), decimal(r.USDMicros), decimal(r.USDExpected),
		}
	})}, err
}

func (h handlers) restatedCSV(ctx context.Context, in *restatedInput) (table, error) {
	s, a, err := h.restated(ctx, in)
	if err != nil {
		return table{}, err
	}
	list, err := h.Reports.Restated(ctx, s, a, maxRestated)
	return table{[]string{"tenant_id", "subscription_id", "date", "metric", "currency", "before", "after", "seen_at"}, all(list, func(r cost.Restatement) []string {
		return []string{string(r.Tenant), r.Subscription, r.Day.String(), r.Metric.String(), text(r.Currency), decimal(r.Old), decimal(r.New), r.Seen.Format("2006-01-02T15:04:05Z")}
	})}, err
}

// maxRestated bounds the CSV of restated days to the newest.
const maxRestated = 100_000

func (h handlers) tenantsCSV(ctx context.Context, _ *struct{}) (table, error) {
	list, err := h.Tenants.List(ctx, fresnel.ScopeFrom(ctx))
	return table{[]string{"tenant_id", "name", "client_id", "active"}, all(list, func(t fresnel.Tenant) []string {
		return []string{string(t.ID), text(t.Name), t.ClientID, strconv.FormatBool(t.Active)}
	})}, err
}
