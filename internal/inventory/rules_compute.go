package inventory

import (
	"slices"
	"strings"
	"time"
)

const docs = "https://learn.microsoft.com/azure/"

const (
	youngDisk   = 7  // days: a disk is often made before what it is for
	oldSnapshot = 30 // days
)

func computeRules() []Rule {
	return []Rule{
		{ // 01
			ID: "disk-unattached", Title: "Managed disk attached to nothing",
			Why:       "A managed disk is billed for its size whether a machine uses it or not; deleting a machine leaves its disks.",
			Condition: "managedBy is empty and properties.diskState =~ 'Unattached'",
			Exceptions: []string{
				"another diskState: ActiveSAS, ActiveUpload, ReadyToUpload (being exported, replicated or filled)",
				"a replica of Site Recovery by name: ends with -ASRReplica, starts with ms-asr- or asrseeddisk-",
				"a tag whose key or value contains ASR-ReplicaDisk, asrseeddisk, RSVaultBackup or kubernetes.io-created-for-pvc",
				"created less than 7 days ago",
				"a Kubernetes volume by name: starts with kubernetes-dynamic-pvc",
			},
			Confidence: Waste, Costs: true, Doc: docs + "virtual-machines/disks-find-unattached-portal",
			Types: []string{typeDisk}, Needs: []string{"properties.diskState", "tags"}, Eval: diskUnattached,
		},
		{ // 02
			ID: "disk-premium-on-stopped-vm", Title: "Premium disk of a machine that is off",
			Why:        "A Premium disk is billed for its size while the machine is off; as Standard it would cost a part, and the kind can be changed back.",
			Condition:  "sku.name in~ (Premium_LRS, Premium_ZRS) and the disk is, by id, an OS or data disk only of virtual machines whose power state is stopped or deallocated",
			Exceptions: []string{"a shared disk of which one machine runs"},
			Confidence: Review, Costs: true, Part: true, Doc: docs + "virtual-machines/disks-convert-types",
			Types: []string{typeDisk}, Needs: []string{"sku.name"}, Eval: diskPremiumStopped,
		},
		{ // 04
			ID: "vm-stopped-not-deallocated", Title: "Machine shut down but not deallocated",
			Why:        "A machine that was shut down from inside keeps its hardware and is billed as if it ran.",
			Condition:  "properties.extended.instanceView.powerState.code =~ 'PowerState/stopped'",
			Exceptions: []string{"on the way: PowerState/starting, stopping, deallocating", "PowerState/unknown"},
			Confidence: Waste, Costs: true, Doc: docs + "virtual-machines/states-billing",
			Types: []string{typeVM}, Needs: []string{"properties.extended.instanceView.powerState.code"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				return foundIf(powerOf(r) == "powerstate/stopped", "shut down, not deallocated")
			},
		},
		{ // 05
			ID: "vm-deallocated-long", Title: "Machine deallocated for 30 days",
			Why:        "The machine costs nothing, but its disks do. Its worth is the cost of its disks.",
			Condition:  "properties.extended.instanceView.powerState.code =~ 'PowerState/deallocated' for 30 days: since properties.LastOwnershipUpdateTime of its OS disk, or where that was not told as Fresnel observed it",
			Confidence: Review, Costs: true, Doc: docs + "virtual-machines/states-billing",
			Types: []string{typeVM}, Needs: []string{"properties.extended.instanceView.powerState.code"}, After: 30,
			Eval: vmDeallocated,
		},
		{ // 07
			ID: "vm-unmanaged-disk", Title: "Machine on an unmanaged disk",
			Why:        "Unmanaged disks (page blobs) are retired, and nothing shows which of them are in use.",
			Condition:  "properties.storageProfile.osDisk.managedDisk is empty and osDisk.vhd.uri is set",
			Confidence: Review, Doc: docs + "virtual-machines/unmanaged-disks-deprecation",
			Types: []string{typeVM}, Needs: []string{"properties.storageProfile.osDisk"}, Eval: vmUnmanaged,
		},
		{ // 08
			ID: "snapshot-old", Title: "Snapshot older than 30 days",
			Why:        "Snapshots are billed until somebody deletes them; most serve for days. Keep those that are meant as archives.",
			Condition:  "properties.timeCreated is more than 30 days ago",
			Confidence: Advice, Costs: true, Doc: docs + "virtual-machines/snapshot-copy-managed-disk",
			Types: []string{typeSnapshot}, Needs: []string{"properties.timeCreated"}, Eval: snapshotOld,
		},
		{ // 09
			ID: "snapshot-source-deleted", Title: "Snapshot of a disk that is gone",
			Why:       "A snapshot that outlives its disk is either the last copy of something or forgotten.",
			Condition: "properties.creationData.sourceResourceId names a disk that is not in the inventory of its subscription, which was read in full",
			Exceptions: []string{
				"the source is something else than a disk, such as another snapshot",
				"the source is in a subscription that was not read in full (says nothing)",
			},
			Confidence: Review, Costs: true, Doc: docs + "virtual-machines/disks-incremental-snapshots",
			Types: []string{typeSnapshot}, Needs: []string{"properties"}, Eval: snapshotSourceDeleted,
		},
		{ // 10
			ID: "snapshot-premium", Title: "Snapshot on Premium storage",
			Why:        "A snapshot on Standard storage holds the same at a fraction of the price.",
			Condition:  "sku.tier =~ 'Premium', or without a tier sku.name starts with 'Premium'",
			Confidence: Waste, Costs: true, Part: true, Doc: docs + "virtual-machines/disks-incremental-snapshots",
			Types: []string{typeSnapshot}, Needs: []string{"sku"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				tier := r.SKU.At("tier")
				premium := tier.Is("Premium") || tier.Empty() && hasPrefix(r.SKU.At("name").Lower(), "premium")
				return foundIf(premium, "a snapshot on Premium storage")
			},
		},
		{ // 11
			ID: "avset-empty", Title: "Availability set without machines",
			Why:        "It costs nothing and protects nothing.",
			Condition:  "properties.virtualMachines is empty",
			Exceptions: []string{"made by Site Recovery: the name ends with -asr"},
			Confidence: Waste, Doc: docs + "virtual-machines/availability-set-overview",
			Types: []string{"microsoft.compute/availabilitysets"}, Needs: []string{"properties"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				return foundIf(r.allEmpty("virtualMachines") && !strings.HasSuffix(strings.ToLower(r.Name), "-asr"), "no machine in it")
			},
		},
		{ // 12
			ID: "ppg-empty", Title: "Proximity placement group with nothing in it",
			Why:        "It costs nothing and places nothing.",
			Condition:  "properties.virtualMachines, availabilitySets and virtualMachineScaleSets are empty",
			Confidence: Review, Doc: docs + "virtual-machines/co-location",
			Types: []string{"microsoft.compute/proximityplacementgroups"}, Needs: []string{"properties"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				return foundIf(r.allEmpty("virtualMachines", "availabilitySets", "virtualMachineScaleSets"), "nothing in it")
			},
		},
		{ // 52
			ID: "ahb-missing-windows", Title: "Windows machine without Azure Hybrid Benefit",
			Why:        "Who owns Windows Server licences with Software Assurance pays for Windows twice. No API tells who does: the rule must be asked for.",
			Condition:  "the OS disk's osType is Windows and licenseType is not Windows_Server or Windows_Client, of a machine or a scale set",
			Exceptions: []string{"a subscription of offer MSDNDevTest_2014-09-01, which has no Windows charge"},
			Confidence: Advice, Costs: true, Part: true, OptIn: true, Doc: "https://learn.microsoft.com/windows-server/get-started/azure-hybrid-benefit",
			Types: []string{typeVM, "microsoft.compute/virtualmachinescalesets"}, Needs: []string{"properties"}, Eval: hybridBenefitWindows,
		},
	}
}

const typeSnapshot = "microsoft.compute/snapshots"

func diskUnattached(r *Resource, x *Joins) Outcome {
	if r.ManagedBy != "" || !r.Properties.At("diskState").Is("Unattached") || spareDisk(r) {
		return Outcome{}
	}
	born, ok := r.born()
	if !ok {
		return unknown("Resource Graph did not tell when the disk was created")
	}
	if x.Now().Sub(born) < youngDisk*day {
		return Outcome{}
	}
	since, _ := ownedSince(r)
	return found("attached to no machine").since(since)
}

// ownedSince is when a disk was last attached or detached, or its machine was
// last started or deallocated.
func ownedSince(r *Resource) (time.Time, bool) {
	return r.Properties.At("lastOwnershipUpdateTime").Time()
}

// spareDisk tells whether a disk is unattached by design.
func spareDisk(r *Resource) bool {
	name := strings.ToLower(r.Name)
	if strings.HasSuffix(name, "-asrreplica") || hasPrefix(name, "ms-asr-", "asrseeddisk-", "kubernetes-dynamic-pvc") {
		return true
	}
	for k, v := range r.Tags {
		kv := strings.ToLower(k + "\x00" + v)
		for _, part := range []string{"asr-replicadisk", "asrseeddisk", "rsvaultbackup", "kubernetes.io-created-for-pvc"} {
			if strings.Contains(kv, part) {
				return true
			}
		}
	}
	return false
}

func diskPremiumStopped(r *Resource, x *Joins) Outcome {
	if !r.SKU.At("name").Is("Premium_LRS", "Premium_ZRS") {
		return Outcome{}
	}
	use := x.compute.disks[r.Key()]
	vm := strings.ToLower(r.ManagedBy)
	switch {
	case use.on > 0:
		return Outcome{}
	case use.untold > 0, use.off == 0 && typeOf(vm) == typeVM && !x.sees(subscriptionOf(vm), typeVM):
		return unknown("the power state of its machine was not told")
	}
	return foundIf(use.off > 0, "Premium, and its machine is off")
}

// vmDeallocated leaves the age to Rule.After. Azure tells it nowhere of the
// machine, but of a disk when its machine was last started or deallocated.
func vmDeallocated(r *Resource, x *Joins) Outcome {
	if powerOf(r) != "powerstate/deallocated" {
		return Outcome{}
	}
	o := found("deallocated; its disks are kept")
	o.About = disksOf(r)
	o.Free = len(o.About) == 0
	osDisk := r.Properties.At("storageProfile", "osDisk", "managedDisk", "id").Lower()
	return o.since(x.compute.owned[osDisk])
}

func vmUnmanaged(r *Resource, _ *Joins) Outcome {
	disk := r.Properties.At("storageProfile", "osDisk")
	if !disk.At("managedDisk").Empty() {
		return Outcome{}
	}
	if disk.At("vhd", "uri").Empty() {
		return unknown("Resource Graph told neither a managed nor an unmanaged disk")
	}
	return found("the OS disk is a page blob")
}

func snapshotOld(r *Resource, x *Joins) Outcome {
	born, ok := r.Properties.At("timeCreated").Time()
	if !ok {
		return unknown("the creation time cannot be read")
	}
	old := born.Add(oldSnapshot * day)
	return foundIf(old.Before(x.Now()), "created on %s", born.Format("2006-01-02")).since(old)
}

func snapshotSourceDeleted(r *Resource, x *Joins) Outcome {
	source := r.Properties.At("creationData", "sourceResourceId").Lower()
	switch {
	case typeOf(source) != typeDisk, x.compute.known.has(source):
		return Outcome{}
	case !x.Complete(subscriptionOf(source)):
		return unknown("the subscription of its disk was not read in full")
	}
	return found("its disk %s is gone", source[strings.LastIndexByte(source, '/')+1:])
}

func hybridBenefitWindows(r *Resource, x *Joins) Outcome {
	p := r.Properties
	if r.Type != typeVM {
		p = p.At("virtualMachineProfile")
	}
	osType := p.At("storageProfile", "osDisk", "osType")
	quota, known := x.other.quotas[r.Subscription]
	switch {
	case osType.Empty():
		return unknown("Resource Graph did not tell the operating system")
	case !osType.Is("Windows"), p.At("licenseType").Is("Windows_Server", "Windows_Client"):
		return Outcome{}
	case !known:
		return unknown("the offer of the subscription is not known")
	}
	return foundIf(!strings.EqualFold(quota, "MSDNDevTest_2014-09-01"), "Windows is paid with the machine")
}

// computeJoins knows which machines use which disks.
type computeJoins struct {
	disks map[string]diskUse
	known set                  // disks that there are
	owned map[string]time.Time // since when they have been as they are, as far as it was told
}

type diskUse struct{ on, off, untold int }

func newComputeJoins() computeJoins {
	return computeJoins{disks: map[string]diskUse{}, known: set{}, owned: map[string]time.Time{}}
}

func (c computeJoins) add(r *Resource) {
	switch r.Type {
	case typeDisk:
		c.known.add(r.Key())
		if t, ok := ownedSince(r); ok {
			c.owned[r.Key()] = t
		}
	case typeVM:
		for _, d := range disksOf(r) {
			use := c.disks[d]
			switch powerOf(r) {
			case "powerstate/stopped", "powerstate/deallocated":
				use.off++
			case "", "powerstate/unknown":
				use.untold++
			default:
				use.on++
			}
			c.disks[d] = use
		}
	}
}

// disksOf lists the keys of a machine's managed disks, the OS disk first.
func disksOf(vm *Resource) []string {
	profile := vm.Properties.At("storageProfile")
	var out []string
	for _, d := range slices.Concat([]Value{profile.At("osDisk")}, profile.At("dataDisks").List()) {
		if id := d.At("managedDisk", "id").Lower(); id != "" {
			out = append(out, id)
		}
	}
	return out
}

// powerOf is a machine's power state in lower case: powerstate/running and the like.
func powerOf(vm *Resource) string {
	return vm.Properties.At("extended", "instanceView", "powerState", "code").Lower()
}
