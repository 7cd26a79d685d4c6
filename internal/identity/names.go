package identity

import (
	"context"
	"maps"
	"sync"
	"time"

	"fresnel"
)

// NameSource gives display names for a page that is being looked at.
type NameSource interface {
	Names(ctx context.Context, t fresnel.Tenant, ids []string) (map[string]string, error)
}

// TenantBook knows the tenants of a scope.
type TenantBook interface {
	List(ctx context.Context, s fresnel.Scope) ([]fresnel.Tenant, error)
}

// Names gives the names of accounts and groups to whoever may see them. They are
// held in memory for minutes, and nowhere else: not in the database, a log, a
// metric or an export.
type Names struct {
	Source  NameSource
	Tenants TenantBook
	Allowed bool // the switch: nobody sees names without it
	Now     func() time.Time

	mu   sync.Mutex
	held map[Principal]heldName
}

type heldName struct {
	name string // "" = Graph knows none
	till time.Time
}

const (
	namesKept = 5 * time.Minute
	// NamesAtOnce is how many names may be asked for at a time: as many as a page shows.
	NamesAtOnce = 200
	mostNames   = 20_000 // that are held; beyond them all are forgotten
)

// Of gives the names of some ids of a tenant; those that Graph does not know are
// left out. It fails with Denied where names are switched off, with NotFound
// where the scope does not see the tenant, and as Graph fails.
func (n *Names) Of(ctx context.Context, s fresnel.Scope, t fresnel.TenantID, ids []string) (map[string]string, error) {
	if !n.Allowed {
		return nil, &fresnel.Error{Kind: fresnel.Denied, Msg: "names are not shown", Do: "Whoever runs Fresnel can allow them: FRESNEL_IDENTITY_NAMES=true."}
	}
	if len(ids) > NamesAtOnce {
		return nil, fresnel.Errorf(fresnel.Invalid, "%d names at once: at most %d", len(ids), NamesAtOnce)
	}
	tenants, err := n.Tenants.List(ctx, s)
	if err != nil {
		return nil, err
	}
	var tenant *fresnel.Tenant
	for i := range tenants {
		if tenants[i].ID == t {
			tenant = &tenants[i]
		}
	}
	if tenant == nil {
		return nil, fresnel.Errorf(fresnel.NotFound, "there is no tenant %.60q", t)
	}
	out, missing := n.known(t, ids)
	if len(missing) == 0 {
		return out, nil
	}
	got, err := n.Source.Names(ctx, *tenant, missing)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.Now()
	n.forget(now)
	time.AfterFunc(namesKept, func() { // also if nobody asks any more
		n.mu.Lock()
		defer n.mu.Unlock()
		n.forget(n.Now())
	})
	if n.held == nil || len(n.held) > mostNames {
		n.held = map[Principal]heldName{}
	}
	till := now.Add(namesKept)
	for _, id := range missing {
		n.held[Principal{t, id}] = heldName{got[id], till}
		if got[id] != "" {
			out[id] = got[id]
		}
	}
	return out, nil
}

func (n *Names) forget(now time.Time) {
	maps.DeleteFunc(n.held, func(_ Principal, h heldName) bool { return !now.Before(h.till) })
}

// known gives the names that are held, and the ids that have to be asked for.
func (n *Names) known(t fresnel.TenantID, ids []string) (out map[string]string, missing []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out = map[string]string{}
	now := n.Now()
	for _, id := range ids {
		h, ok := n.held[Principal{t, id}]
		switch {
		case !ok || !now.Before(h.till):
			missing = append(missing, id)
		case h.name != "":
			out[id] = h.name
		}
	}
	return out, missing
}
