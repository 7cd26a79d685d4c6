package cost

import "math"

const (
	leastWitnesses = 8    // services that must tell how busy the tenant was
	leastShift     = 0.15 // of the level: less is a wave
	shiftBefore    = 14   // days that tell the level before a shift
	shiftAfter     = 21   // and after it: a shorter one is load
	mostShifts     = 3
	mostApart      = 1.5 // times the tenant's shift: what a service's own may be
)

// commonLoad is how busy the whole tenant was on each day beside its past: the
// median over its services of the day's cost by that of the same weekdays
// before. Judged beside it, a holiday or a busy week is no anomaly of each
// service; a change of all of them is still one of the tenant. It is 1 where
// too few services tell.
func (d *detector) commonLoad(leaves []*track) []float64 {
	load := make([]float64, d.days)
	for u := range load {
		load[u] = 1
	}
	var ratios, same []float64
	for u := d.o.MinHistory; u < d.days; u++ {
		ratios = ratios[:0]
		for _, t := range leaves {
			if !t.known(u) || t.base[u] <= 0 {
				continue
			}
			same = same[:0]
			for v := u - week; v >= 0 && len(same) < d.o.Weeks; v -= week {
				if t.known(v) && t.base[v] > 0 {
					same = append(same, t.base[v])
				}
			}
			if len(same) >= 2 {
				ratios = append(ratios, t.base[u]/median(same))
			}
		}
		if len(ratios) >= leastWitnesses {
			load[u] = median(ratios)
		}
	}
	return load
}

// commonShifts is the common load, after the lasting shifts of the whole tenant
// were taken out: the services that took part are brought to their level after
// each. Left in, a shift would leave the load when half of the weeks before
// have it, and would then look like one of each service.
func (d *detector) commonShifts(leaves []*track) []float64 {
	load := d.commonLoad(leaves)
	for range mostShifts {
		at, ratio := findShift(load)
		if at == 0 {
			break
		}
		for _, t := range leaves {
			own := t.ratioAround(at)
			if (own-1)*(ratio-1) <= 0 || abs(own-1) < abs(ratio-1)/2 {
				continue
			}
			own = max(ratio/mostApart, min(ratio*mostApart, own))
			for u := range at {
				t.rescale(u, own)
				t.shift[u] *= own
			}
		}
		load = d.commonLoad(leaves)
	}
	return load
}

// findShift finds the day on which a load changes most for weeks, and by what
// factor; the day is 0 if it does not.
func findShift(load []float64) (at int, ratio float64) {
	sharpest := 0.0
	for u := shiftBefore; u+shiftAfter <= len(load); u++ {
		r := medianOf(load[u:u+shiftAfter]) / medianOf(load[u-shiftBefore:u])
		if abs(r-1) < leastShift {
			continue
		}
		jump := math.Log(medianOf(load[u:u+week]) / medianOf(load[u-week:u]))
		edge := math.Log(load[u] / load[u-1]) // of equally large jumps, the day itself
		if s := abs(jump + edge); jump*(r-1) > 0 && s > sharpest {
			at, ratio, sharpest = u, r, s
		}
	}
	return at, ratio
}

func medianOf(v []float64) float64 { return median(append([]float64(nil), v...)) }

// ratioAround is the level of three weeks from a day by that of three before.
func (t *track) ratioAround(day int) float64 {
	var before, after []float64
	for u := max(0, day-3*week); u < min(len(t.base), day+3*week); u++ {
		switch {
		case !t.known(u):
		case u < day:
			before = append(before, t.base[u])
		default:
			after = append(after, t.base[u])
		}
	}
	if b := median(before); b > 0 {
		return median(after) / b
	}
	return 1
}
