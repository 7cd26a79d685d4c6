package inventory

// Joins is an estate with what rules look up in it, gathered in one pass, so
// that no rule goes through the estate for each resource that it judges.
type Joins struct {
	Estate
	whole     bool              // every subscription that is known was read in full
	blind     map[[2]string]int // subscription, type: rows without properties, which hide what they refer to
	compute   computeJoins
	network   networkJoins
	addresses addressJoins
	web       webJoins
	other     otherJoins
}

func newJoins(e Estate) *Joins {
	subscriptions := set{}
	x := &Joins{
		Estate: e, blind: map[[2]string]int{},
		compute: newComputeJoins(), network: newNetworkJoins(), addresses: newAddressJoins(),
		web: newWebJoins(), other: newOtherJoins(),
	}
	for r := range e.Each() {
		subscriptions.add(r.Subscription)
		if !r.Properties.Object() {
			x.blind[[2]string{r.Subscription, r.Type}]++
		}
		x.compute.add(&r)
		x.network.add(&r)
		x.addresses.add(&r, x)
		x.web.add(&r)
		x.other.add(&r)
	}
	x.whole = e.Complete("")
	for s := range subscriptions {
		x.whole = x.whole && e.Complete(s)
	}
	return x
}

// sees tells whether what refers to something from the rows of these types can
// be known: the subscription was read in full, and the rows told what is in them.
func (x *Joins) sees(subscription string, types ...string) bool {
	for _, t := range types {
		if x.blind[[2]string{subscription, t}] > 0 {
			return false
		}
	}
	return x.Complete(subscription)
}

// set is a set of keys.
type set map[string]struct{}

func (s set) add(k string) {
	if k != "" {
		s[k] = struct{}{}
	}
}

func (s set) has(k string) bool {
	_, ok := s[k]
	return ok
}
