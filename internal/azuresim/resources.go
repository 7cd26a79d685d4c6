package azuresim

import (
	"fmt"
	"strings"
)

// resource is one of the resources over which a stream's cost is spread.
type resource struct {
	id          string // in lower case
	weight      int64
	from, until day // half-open
}

// resources are those of a stream, of which the first lives as long as the stream. A grid estate has
// one for each stream: it is for load, and its size is chosen by groups and services.
func (g *generator) resources(i int) []resource {
	if g.owned[i] == nil {
		g.owned[i] = g.newResources(&g.streams[i])
	}
	return g.owned[i]
}

func (g *generator) newResources(s *stream) []resource {
	if s.owner == 0 {
		return []resource{{id: strings.ToLower(s.arm), weight: 1, until: s.until}}
	}
	n := 1 + below(mix(s.owner, label("resources")), 4)
	if g.estate.grid || s.kind == streamRefund {
		n = 1 // a refund is for one resource
	}
	kind, prefix := armType(s.service)
	out := make([]resource, 0, n)
	for i := range n {
		key := mix(s.owner, label("resource"), uint64(i))
		r := resource{
			id:     strings.ToLower(armID(g.sub, s.group, kind, resourceName(g.sub, s.group, prefix, i))),
			weight: 1000 + int64(below(mix(key, 1), 4000)), from: g.estate.first, until: s.until,
		}
		if i > 0 {
			g.lifetime(&r, key)
		}
		out = append(out, r)
	}
	return out
}

// lifetime lets a fifth of the resources be born and a fifth be deleted within the history. What the
// stream costs does not depend on it: the others do the work.
func (g *generator) lifetime(r *resource, key uint64) {
	first := g.estate.first
	when := first + day(below(mix(key, 2), max(1, int(dayOf(g.estate.start)-first))))
	switch below(mix(key, 3), 5) {
	case 0:
		r.from = when
	case 1:
		r.until = when
	}
}

// split yields a cell's parts by resource. They add up to the cell exactly, in both currencies.
func (g *generator) split(c cell, d day, yield func(cell)) {
	list := g.resources(c.index)
	var total int64
	last := 0
	for i, r := range list {
		if i == 0 || d >= r.from && d < r.until {
			total += r.weight
			last = i
		}
	}
	nanos, usd := c.nanos, c.usd
	for i, r := range list[:last] {
		if i > 0 && (d < r.from || d >= r.until) {
			continue
		}
		part := cell{c.stream, c.index, i, mulDiv(c.nanos, r.weight, total), mulDiv(c.usd, r.weight, total)}
		nanos -= part.nanos
		usd -= part.usd
		yield(part)
	}
	yield(cell{c.stream, c.index, last, nanos, usd})
}

// armType is the type of a service's resources, and how their names begin.
func armType(service string) (kind, prefix string) {
	for _, sv := range knownServices {
		if sv.name == service {
			return sv.kind, sv.prefix
		}
	}
	if service == serviceImage {
		return typeVM, "vm-image"
	}
	return typeSaaS, "saas"
}

// resourceName is such as vm-web-prod-02. The estate's markup is also in names of resources.
func resourceName(s *subscription, group, prefix string, i int) string {
	if s.markup && group == s.groups[0] {
		return fmt.Sprintf(`%s-<b onclick=alert(1)>&"Söhne"-%02d`, prefix, i+1)
	}
	return fmt.Sprintf("%s-%s-%02d", prefix, strings.TrimPrefix(group, "rg-"), i+1)
}

// armID is a resource's id in Azure's spelling. A slash in a group's name would end the segment.
func armID(s *subscription, group, kind, name string) string {
	group = strings.ReplaceAll(capitals(group), "/", "-")
	return "/subscriptions/" + s.id + "/resourceGroups/" + group + "/providers/" + kind + "/" + name
}

// typeOf is the ARM type in an id, in lower case; of an id without a resource group, too.
func typeOf(id string) string {
	_, rest, ok := strings.Cut(strings.ToLower(id), "/providers/")
	if !ok {
		return ""
	}
	seg := strings.SplitN(rest, "/", 3)
	return seg[0] + "/" + seg[1]
}

// displayResource spells an id as Azure does: in lower case, with capitals, or all in capitals, from
// row to row and from answer to answer.
func displayResource(sub *subscription, id string, r row, at day) string {
	switch mix(sub.key, label(id), uint64(r.period), uint64(at), label("spelling")) % 4 {
	case 0:
		return strings.ToUpper(id)
	case 1, 2:
		return canonical(id)
	default:
		return id
	}
}

// canonical writes a lower-case id with the capitals that Azure's documents have.
func canonical(id string) string {
	id = strings.Replace(id, "/resourcegroups/", "/resourceGroups/", 1)
	kind := typeOf(id)
	for _, known := range []string{typeSaaS, typeDomain, "Microsoft.Capacity/reservationOrders", "Microsoft.BillingBenefits/savingsPlanOrders"} {
		if strings.EqualFold(known, kind) {
			return strings.Replace(id, kind, known, 1)
		}
	}
	for _, sv := range knownServices {
		if strings.EqualFold(sv.kind, kind) {
			return strings.Replace(id, kind, sv.kind, 1)
		}
	}
	return id
}
