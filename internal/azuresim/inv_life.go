package azuresim

import (
	"slices"
	"time"
)

// The aspects of a resource that change now and then.
const (
	aspectTags = "tags"
	aspectSKU  = "sku"
	aspectHost = "host" // of a data disk: to which machine it is attached
)

// Changes are drawn in slots of this length, at most one of an aspect in each.
const lifeSlot = 10 * 24 * time.Hour

// rarity is in how many slots an aspect changes once.
func rarity(aspect string) uint64 {
	switch aspect {
	case aspectTags:
		return 8
	case aspectHost:
		return 3
	default:
		return 16
	}
}

// happens draws an aspect's change within a slot.
func (it *item) happens(aspect string, slot int64) (at time.Time, key uint64, ok bool) {
	key = mix(it.key, label(aspect), uint64(slot))
	if mix(key, 1)%rarity(aspect) != 0 {
		return at, 0, false
	}
	offset := time.Duration(below(mix(key, 2), int(lifeSlot/time.Millisecond))) * time.Millisecond
	return time.UnixMilli(slot * int64(lifeSlot/time.Millisecond)).Add(offset).UTC(), mix(key, 3), true
}

// latest is an aspect's last change up to an instant; key is 0 if there was none.
func (it *item) latest(aspect string, at time.Time) (when time.Time, key uint64) {
	if aspect == aspectSKU && it.still {
		return when, 0
	}
	size := int64(lifeSlot / time.Millisecond)
	for slot := at.UnixMilli() / size; slot >= it.born.UnixMilli()/size; slot-- {
		if t, k, ok := it.happens(aspect, slot); ok && !t.After(at) && t.After(it.born) {
			return t, k
		}
	}
	return when, 0
}

// aspects are those that a resource has.
func (it *item) aspects() []string {
	out := []string{aspectTags}
	if len(skuLadder(it.kind)) > 0 && !it.still {
		out = append(out, aspectSKU)
	}
	if it.kind == typeDisk {
		out = append(out, aspectHost)
	}
	return out
}

// moments are the instants of a range, (from, to], at which a resource may have changed, in order.
func (it *item) moments(from, to time.Time) []time.Time {
	var out []time.Time
	take := func(t time.Time) {
		if t.After(from) && !t.After(to) && t.After(it.born) && (it.dead.IsZero() || t.Before(it.dead)) {
			out = append(out, t)
		}
	}
	for _, t := range it.times {
		take(t)
	}
	size := int64(lifeSlot / time.Millisecond)
	for slot := from.UnixMilli() / size; slot <= to.UnixMilli()/size; slot++ {
		for _, a := range it.aspects() {
			if t, _, ok := it.happens(a, slot); ok {
				take(t)
			}
		}
	}
	for _, d := range it.deps {
		take(d.born)
		if !d.dead.IsZero() {
			take(d.dead)
		}
		for _, t := range d.moments(from, to) {
			take(t)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// skuLadder are the sizes between which a type's resources are moved, as the values of skuPath.
func skuLadder(kind string) []string {
	switch kind {
	case typeVM:
		return []string{"Standard_D4s_v5", "Standard_D2s_v5", "Standard_D8s_v5", "Standard_E4s_v5", "Standard_B2ms"}
	case "Microsoft.DBforPostgreSQL/flexibleServers":
		return []string{"Standard_D4ds_v5", "Standard_D2ds_v5", "Standard_D8ds_v5"}
	case "Microsoft.Sql/servers/databases":
		return []string{"GP_Gen5", "BC_Gen5"}
	case "Microsoft.Web/serverFarms":
		return []string{"P1v3", "P2v3", "P0v3"}
	case "Microsoft.ContainerRegistry/registries":
		return []string{"Premium", "Standard", "Basic"}
	case "Microsoft.ServiceBus/namespaces":
		return []string{"Standard", "Premium"}
	}
	return nil
}

// resize gives a resource the size that it has at an instant.
func (it *item) resize(b body, at time.Time) {
	ladder := skuLadder(it.kind)
	if len(ladder) == 0 {
		return
	}
	size := ladder[below(mix(it.key, label("size")), len(ladder))]
	if it.still {
		size = ladder[0]
	} else if _, key := it.latest(aspectSKU, at); key != 0 {
		size = ladder[below(key, len(ladder))]
	}
	if it.kind == typeVM {
		put(b, "properties.hardwareProfile.vmSize", size)
		return
	}
	put(b, "sku.name", size)
	if it.kind == "Microsoft.Web/serverFarms" {
		put(b, "sku.size", size)
	}
}
