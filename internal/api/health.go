package api

import (
	"context"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

type healthOutput struct {
	Body struct {
		Status  string `json:"status" enum:"ok"`
		Version string `json:"version"`
	}
}

func (h handlers) health(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status, out.Body.Version = "ok", h.Version
	return out, nil
}

// Check is the state of one thing that the program needs.
type Check struct {
	Status string `json:"status" enum:"ok,failing"`
	Reason string `json:"reason,omitempty"`
	Do     string `json:"do,omitempty"`
}

// DataCheck is the age of what is held.
type DataCheck struct {
	Status  string     `json:"status" enum:"ok,stale,partial,none"`
	Tenants int        `json:"tenants" doc:"Read in full; of costs, for the month"`
	Of      int        `json:"of"`
	Oldest  *time.Time `json:"oldest_synced_at"`
}

type healthDetailedOutput struct {
	Status int
	Body   struct {
		Status     string    `json:"status" enum:"ok,degraded,failing"`
		Database   Check     `json:"database"`
		Azure      Check     `json:"azure" doc:"Whether Resource Manager can be reached"`
		Costs      DataCheck `json:"costs"`
		Resources  DataCheck `json:"resources"`
		Compliance DataCheck `json:"compliance" doc:"Of policy states"`
		Identity   DataCheck `json:"identity" doc:"Of accounts and roles of the directory"`
		Version    string    `json:"version"`
	}
}

func (h handlers) healthDetailed(ctx context.Context, _ *struct{}) (*healthDetailedOutput, error) {
	out := &healthDetailedOutput{Status: 200}
	out.Body.Status, out.Body.Version = "ok", h.Version
	out.Body.Azure = check(ctx, h.Azure)
	out.Body.Database = check(ctx, h.Database)
	none := DataCheck{Status: "none"}
	out.Body.Costs, out.Body.Resources, out.Body.Compliance, out.Body.Identity = none, none, none, none
	if out.Body.Database.Status == "ok" {
		out.Body.Costs, out.Body.Resources = h.dataCheck(ctx), h.inventoryCheck(ctx)
		out.Body.Compliance, out.Body.Identity = h.complianceCheck(ctx), h.identityCheck(ctx)
	}
	switch {
	case out.Body.Database.Status != "ok":
		out.Body.Status, out.Status = "failing", 503
	case out.Body.Azure.Status != "ok", out.Body.Costs.Status != "ok", out.Body.Resources.Status != "ok", out.Body.Compliance.Status != "ok", out.Body.Identity.Status != "ok":
		out.Body.Status = "degraded"
	}
	return out, nil
}

func check(ctx context.Context, f func(context.Context) error) Check {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := f(ctx)
	if err == nil {
		return Check{Status: "ok"}
	}
	if ctx.Err() != nil {
		return Check{Status: "failing", Reason: "no answer within 5 seconds"}
	}
	reason, do := fresnel.Reason(err)
	return Check{Status: "failing", Reason: reason, Do: do}
}

func (h handlers) dataCheck(ctx context.Context) DataCheck {
	today := h.Reports.Today()
	// Health speaks of the whole instance, whoever asks; it names no tenant.
	b, err := h.Reports.Breakdown(ctx, fresnel.AllTenants(), cost.Ask{Period: fresnel.Period{From: today.MonthStart(), To: today + 1}, Versus: cost.VersusNone})
	if err != nil {
		return DataCheck{Status: "none"}
	}
	d := DataCheck{Status: "ok", Tenants: b.Coverage.Covered, Of: b.Coverage.Of}
	if !b.Coverage.Oldest.IsZero() {
		d.Oldest = &b.Coverage.Oldest
	}
	for _, t := range b.Coverage.Tenants {
		if t.State == cost.Stale {
			d.Status = "stale"
		}
	}
	if d.Tenants < d.Of {
		d.Status = "partial"
	}
	if d.Tenants == 0 && d.Oldest == nil {
		d.Status = "none"
	}
	return d
}

func (h handlers) inventoryCheck(ctx context.Context) DataCheck {
	reads, err := h.Inventory.Reader.Coverage(ctx, fresnel.AllTenants()) // as dataCheck
	if err != nil {
		return DataCheck{Status: "none"}
	}
	meta := h.inventoryMeta(reads)
	d := DataCheck{Status: "ok", Tenants: meta.Coverage.Tenants, Of: meta.Coverage.Of, Oldest: meta.SyncedAt}
	switch {
	case d.Oldest == nil:
		d.Status = "none"
	case d.Tenants < d.Of:
		d.Status = "partial"
	case h.Now().Sub(*d.Oldest) > h.Reports.StaleAfter:
		d.Status = "stale"
	}
	return d
}
