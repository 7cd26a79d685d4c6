package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// Budgets keeps our own budgets and those that Azure has. It is a cost.Budgets
// and a cost.BudgetSink.
type Budgets struct{ db *DB }

// Budgets gives access to budgets.
func (db *DB) Budgets() *Budgets { return &Budgets{db} }

// maxBudgets bounds a list: people make budgets, one by one.
const maxBudgets = 5000

// List implements cost.Budgets.
func (b *Budgets) List(ctx context.Context, s fresnel.Scope) ([]cost.Budget, error) {
	var args []any
	return b.list(ctx, b.db.visible("b.tenant", s, &args), args)
}

// Get implements cost.Budgets.
func (b *Budgets) Get(ctx context.Context, s fresnel.Scope, id int64) (cost.Budget, error) {
	args := []any{id}
	where := "b.num = ? AND " + b.db.visible("b.tenant", s, &args)
	list, err := b.list(ctx, where, args)
	if err == nil && len(list) == 0 {
		err = fresnel.Errorf(fresnel.NotFound, "there is no budget %d", id)
	}
	if err != nil {
		return cost.Budget{}, err
	}
	return list[0], nil
}

func (b *Budgets) list(ctx context.Context, where string, args []any) ([]cost.Budget, error) {
	q := "SELECT b.num, t.id, t.name, b.name, b.subs, b.service, b.metric, b.micros, b.currency, b.author, b.created_at, b.updated_at " +
		"FROM budget b JOIN tenant t ON t.num = b.tenant WHERE " + where + " ORDER BY t.name, b.name, b.num"
	rows, err := b.db.query(ctx, b.db.d.page(q), append(args, maxBudgets)...)
	if err != nil {
		return nil, b.db.wrap(ctx, "list budgets", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *cost.Budget) error {
		var subs string
		var created, updated int64
		if err := r.Scan(&v.ID, &v.Tenant, &v.TenantName, &v.Name, &subs, &v.Service, &v.Metric, &v.Amount.Micros, &v.Amount.Currency, &v.Author, &created, &updated); err != nil {
			return err
		}
		v.Created, v.Updated = instant(created), instant(updated)
		return json.Unmarshal([]byte(subs), &v.Subscriptions)
	})
	return out, b.db.wrap(ctx, "list budgets", err)
}

// Put implements cost.Budgets. It fails with NotFound where the tenant, or the
// budget to be changed, is not there.
func (b *Budgets) Put(ctx context.Context, v cost.Budget, now time.Time) (int64, error) {
	subs := jsonList(v.Subscriptions)
	id := v.ID
	err := b.db.Findings().change(ctx, "put budget", v.Tenant, func(tx *sql.Tx, tenant int64) error {
		if v.ID == 0 {
			if _, err := b.db.txExec(ctx, tx, "INSERT INTO budget (tenant, name, subs, service, metric, micros, currency, author, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				tenant, clean(v.Name), subs, clean(v.Service), int(v.Metric), v.Amount.Micros, clean(v.Amount.Currency), clean(v.Author), micros(now), micros(now)); err != nil {
				return err
			}
			return b.db.txQueryRow(ctx, tx, "SELECT MAX(num) FROM budget WHERE tenant = ?", tenant).Scan(&id)
		}
		res, err := b.db.txExec(ctx, tx, "UPDATE budget SET name = ?, subs = ?, service = ?, metric = ?, micros = ?, currency = ?, author = ?, updated_at = ? WHERE num = ? AND tenant = ?",
			clean(v.Name), subs, clean(v.Service), int(v.Metric), v.Amount.Micros, clean(v.Amount.Currency), clean(v.Author), micros(now), v.ID, tenant)
		return oneRow(res, err, "budget", v.ID)
	})
	return id, err
}

// Delete implements cost.Budgets.
func (b *Budgets) Delete(ctx context.Context, v cost.Budget) error {
	return b.db.Findings().change(ctx, "delete budget", v.Tenant, func(tx *sql.Tx, tenant int64) error {
		res, err := b.db.txExec(ctx, tx, "DELETE FROM budget WHERE num = ? AND tenant = ?", v.ID, tenant)
		return oneRow(res, err, "budget", v.ID)
	})
}

// oneRow demands that a statement found its row.
func oneRow(res sql.Result, err error, what string, id int64) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fresnel.Errorf(fresnel.NotFound, "there is no %s %d", what, id)
	}
	return err
}

// Azure implements cost.Budgets: by tenant, subscription and name.
func (b *Budgets) Azure(ctx context.Context, s fresnel.Scope, limit int) ([]cost.AzureBudget, error) {
	var args []any
	q := "SELECT b.id, t.id, t.name, s.id, s.name, b.name, b.micros, b.currency, b.grain, b.filtered, b.spent_known, b.spent_micros, b.forecast_known, b.forecast_micros, b.starts, b.ends, b.seen_at " +
		"FROM azure_budget b JOIN subscription s ON s.num = b.sub JOIN tenant t ON t.num = s.tenant WHERE " +
		b.db.visible("s.tenant", s, &args) + " ORDER BY t.name, s.name, b.name, b.id"
	rows, err := b.db.query(ctx, b.db.d.page(q), append(args, limit)...)
	if err != nil {
		return nil, b.db.wrap(ctx, "azure budgets", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *cost.AzureBudget) error {
		var filtered, hasSpent, hasForecast int
		var spent, forecast, seen int64
		if err := r.Scan(&v.ID, &v.Tenant, &v.TenantName, &v.Subscription, &v.SubscriptionName, &v.Name, &v.Amount.Micros, &v.Amount.Currency,
			&v.Grain, &filtered, &hasSpent, &spent, &hasForecast, &forecast, &v.Starts, &v.Ends, &seen); err != nil {
			return err
		}
		v.Filtered, v.Seen = filtered == 1, instant(seen)
		if hasSpent == 1 {
			v.Spent = &fresnel.Money{Micros: spent, Currency: v.Amount.Currency}
		}
		if hasForecast == 1 {
			v.Forecast = &fresnel.Money{Micros: forecast, Currency: v.Amount.Currency}
		}
		return nil
	})
	return out, b.db.wrap(ctx, "azure budgets", err)
}

// AzureRead implements cost.BudgetSink.
func (b *Budgets) AzureRead(ctx context.Context, subscription string) (time.Time, error) {
	var at int64
	err := b.db.queryRow(ctx, "SELECT COALESCE(MAX(r.asked_at), 0) FROM azure_budget_read r JOIN subscription s ON s.num = r.sub WHERE s.id = ?", clean(subscription)).Scan(&at)
	return instant(at), b.db.wrap(ctx, "azure budgets read", err)
}

// ReplaceAzure implements cost.BudgetSink.
func (b *Budgets) ReplaceAzure(ctx context.Context, t fresnel.TenantID, subscription string, list []cost.AzureBudget, asked time.Time) error {
	return b.db.Findings().change(ctx, "replace azure budgets", t, func(tx *sql.Tx, tenant int64) error {
		if err := b.db.guard(ctx, tx); err != nil {
			return err
		}
		var sub int64
		if err := b.db.txQueryRow(ctx, tx, "SELECT num FROM subscription WHERE id = ? AND tenant = ?", clean(subscription), tenant).Scan(&sub); err != nil {
			return err
		}
		for _, q := range []string{"DELETE FROM azure_budget WHERE sub = ?", "DELETE FROM azure_budget_read WHERE sub = ?"} {
			if _, err := b.db.txExec(ctx, tx, q, sub); err != nil {
				return err
			}
		}
		if _, err := b.db.txExec(ctx, tx, "INSERT INTO azure_budget_read (sub, asked_at) VALUES (?, ?)", sub, micros(asked)); err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, v := range list {
			id := clean(v.ID)
			if seen[id] {
				continue // Azure lists it twice
			}
			seen[id] = true
			if err := b.insertAzure(ctx, tx, sub, id, v, asked); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *Budgets) insertAzure(ctx context.Context, tx *sql.Tx, sub int64, id string, v cost.AzureBudget, asked time.Time) error {
	known := func(m *fresnel.Money) (int, int64) {
		if m == nil {
			return 0, 0
		}
		return 1, m.Micros
	}
	hasSpent, spent := known(v.Spent)
	hasForecast, forecast := known(v.Forecast)
	_, err := b.db.txExec(ctx, tx, "INSERT INTO azure_budget (sub, id, name, micros, currency, grain, filtered, spent_known, spent_micros, forecast_known, forecast_micros, starts, ends, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		sub, id, clean(v.Name), v.Amount.Micros, clean(v.Amount.Currency), clean(v.Grain), b01(v.Filtered), hasSpent, spent, hasForecast, forecast, int64(v.Starts), int64(v.Ends), micros(asked))
	return err
}
