package fresnel

import "strings"

import "slices"

// Scope is the set of tenants that a viewer may see. The zero value sees none.
type Scope struct {
	all bool
	ids []TenantID // sorted, distinct
}

// AllTenants is the scope that sees every tenant.
func AllTenants() Scope { return Scope{all: true} }

// ScopeOf is the scope that sees the given tenants.
func ScopeOf(ids ...TenantID) Scope {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return Scope{ids: slices.Compact(ids)}
}

// All tells whether the scope sees every tenant.
func (s Scope) All() bool { return s.all }

// IDs lists the tenants of a scope that is not All, sorted.
func (s Scope) IDs() []TenantID { return slices.Clone(s.ids) }

// Sees tells whether the scope holds the tenant.
func (s Scope) Sees(id TenantID) bool {
	if s.all {
		return true
	}
	_, ok := slices.BinarySearch(s.ids, id)
	return ok
}

// Narrow is the part of the scope that lies within ids; no ids = all of it.
// It never widens.
func (s Scope) Narrow(ids ...TenantID) Scope {
	if len(ids) == 0 {
		return s
	}
	var kept []TenantID
	for _, id := range ids {
		if s.Sees(id) {
			kept = append(kept, id)
		}
	}
	return ScopeOf(kept...)
}

// Key names the scope in cache keys.
func (s Scope) Key() string {
	if s.all {
		return "*"
	}
	var k strings.Builder
	for _, id := range s.ids {
		k.WriteString(string(id) + ",")
	}
	return k.String()
}
