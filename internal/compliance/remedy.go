package compliance

import "fmt"

// Remedy is what mends a resource that fails a policy of some effect.
type Remedy struct {
	Effect  string
	Do      string // what to change
	Command string // of the az CLI, with NAMES in capitals to fill in; "" = there is none
	Task    bool   // a remediation task can mend what exists already
}

// RemedyOf gives the remedy by a policy's effect, in lower case. lacking: how many
// of its assignments have no identity to remediate with; inInitiative: it is a
// part of an initiative, where the command must name it.
// Source: learn.microsoft.com/azure/governance/policy/concepts/effect-basics and
// learn.microsoft.com/azure/governance/policy/how-to/remediate-resources.
func RemedyOf(effect string, lacking int, inInitiative bool) Remedy {
	task := "az policy remediation create --name NAME --policy-assignment ASSIGNMENT --resource-discovery-mode ReEvaluateCompliance"
	if inInitiative {
		task += " --definition-reference-id REFERENCE"
	}
	r := Remedy{Effect: effect}
	switch effect {
	case "deployifnotexists", "modify":
		r.Task, r.Command = true, task
		r.Do = "A remediation task deploys what is missing."
		if effect == "modify" {
			r.Do = "A remediation task sets the properties or tags that the policy asks for."
		}
		if lacking > 0 {
			r.Do += fmt.Sprintf(" Of its assignments, %d have no managed identity yet: give them one first (az policy assignment identity assign --name ASSIGNMENT --system-assigned), with the roles that the definition names.", lacking)
		}
	case "deny":
		r.Do = "New resources are refused; this one was there before. Change its configuration as the policy asks, or exempt it with a reason and an end."
		r.Command = "az resource update --ids RESOURCE --set properties.PROPERTY=VALUE"
	case "denyaction":
		r.Do = "The policy refuses actions, such as deletion; there is nothing to change on the resource."
	case "append":
		r.Do = "New and updated resources get the fields; update this one, and the policy adds them."
		r.Command = "az resource update --ids RESOURCE --set properties.PROPERTY=VALUE"
	case "audit":
		r.Do = "Change the resource's configuration as the policy asks, or exempt it with a reason and an end."
		r.Command = "az resource update --ids RESOURCE --set properties.PROPERTY=VALUE"
	case "auditifnotexists":
		r.Do = "Something that belongs to the resource is missing or wrong, such as a diagnostic setting or an agent: add it. The policy only watches; one with the effect deployIfNotExists would add it by itself."
	case "manual":
		r.Do = "Nobody can check this but a person: look, and attest it."
		r.Command = "az policy attestation create --name NAME --policy-assignment-id ASSIGNMENT --compliance-state Compliant"
	case "addtonetworkgroup":
		r.Do = "Azure Virtual Network Manager adds the network by itself; if it does not, look at the network group's policy."
	case "mutate":
		r.Do = "The cluster's admission changes new objects; create this one anew."
	case "disabled":
		r.Do = "The policy is switched off; nothing is to be done."
	default:
		r.Do = "Change the resource as the policy's definition asks."
	}
	return r
}
