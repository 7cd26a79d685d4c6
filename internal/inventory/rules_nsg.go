package inventory

import (
	"fmt"
	"strings"
)

// nsgDeadTarget is rule 19. Targets that were deleted altogether are not seen:
// that needs the history of addresses, which an Estate does not tell.
func nsgDeadTarget() Rule {
	return Rule{
		ID: "nsg-rule-dead-target", Title: "Security rule for an address that nothing has",
		Why: "The next that is given the address inherits what the rule allows.",
		Condition: "a prefix of properties.securityRules[] (sourceAddressPrefix(es), destinationAddressPrefix(es), without /32) is the prefix of a subnet that " +
			"subnet-empty has seen empty for 30 days, or the address of an interface that nic-orphan finds or of an unattached public IP address",
		Exceptions: []string{
			"the prefix or address belongs to something that lives as well",
			"the subnet has been empty for less than 30 days",
			"a subscription of the tenant was not read in full: the address may live there (says nothing)",
		},
		Confidence: Review, Doc: docs + "virtual-network/network-security-groups-overview",
		Types: []string{"microsoft.network/networksecuritygroups"}, Needs: []string{"properties"}, Eval: evalDeadTarget,
	}
}

func evalDeadTarget(r *Resource, x *Joins) Outcome {
	for _, rule := range r.Properties.At("securityRules").List() {
		p := rule.At("properties")
		for _, prefix := range prefixesOf(p, "sourceAddressPrefix", "sourceAddressPrefixes", "destinationAddressPrefix", "destinationAddressPrefixes") {
			what, dead := x.addresses.dead[prefix]
			if !dead || x.addresses.live.has(prefix) {
				continue
			}
			if !x.whole {
				return unknown("not every subscription was read in full")
			}
			return found("rule %s is for %s, the address of %s", rule.At("name").Text(), prefix, what)
		}
	}
	return Outcome{}
}

// prefixesOf gathers addresses from properties that hold one or a list; a
// single address as it is written without its length.
func prefixesOf(p Value, names ...string) []string {
	var out []string
	add := func(v Value) {
		s := v.Lower()
		if strings.Contains(s, ":") {
			s = strings.TrimSuffix(s, "/128")
		}
		if s = strings.TrimSuffix(s, "/32"); s != "" && s != "*" {
			out = append(out, s)
		}
	}
	for _, n := range names {
		v := p.At(n)
		add(v)
		for _, e := range v.List() {
			add(e)
		}
	}
	return out
}

// addressJoins knows which addresses live and which do not.
type addressJoins struct {
	live set
	dead map[string]string // address -> what has it
}

func newAddressJoins() addressJoins { return addressJoins{live: set{}, dead: map[string]string{}} }

func (a addressJoins) add(r *Resource, x *Joins) {
	switch r.Type {
	case typeVNet:
		for _, s := range subnetsOf(r) {
			since, known := x.HeldSince("subnet-empty", s.Key())
			dead := subnetEmpty(&s).Verdict == Found && known && x.Now().Sub(since) >= subnetEmptyDays*day
			a.put(prefixesOf(s.Properties, "addressPrefix", "addressPrefixes"), dead, "subnet", s.Name)
		}
	case typeNIC:
		dead := nicOrphan(r).Verdict == Found
		for _, c := range r.Properties.At("ipConfigurations").List() {
			a.put(prefixesOf(c.At("properties"), "privateIPAddress"), dead, "network interface", r.Name)
		}
	case typeLoadBalancer:
		for _, c := range r.Properties.At("frontendIPConfigurations").List() {
			a.put(prefixesOf(c.At("properties"), "privateIPAddress"), false, "load balancer", r.Name)
		}
	case typePublicIP:
		dead := r.Properties.Object() && unattachedIP(r)
		a.put(prefixesOf(r.Properties, "ipAddress"), dead, "public IP address", r.Name)
	}
}

func (a addressJoins) put(addresses []string, dead bool, kind, name string) {
	for _, s := range addresses {
		if dead {
			a.dead[s] = fmt.Sprintf("%s %s, which nothing uses", kind, name)
		} else {
			a.live.add(s)
		}
	}
}
