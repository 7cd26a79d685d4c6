package azuresim

import "time"

func (sec *security) scope() string { return "/subscriptions/" + sec.p.w.sub.id + securityProvider }

// assessments are the recommendations as Azure gives them; Resource Graph spells some keys with capitals.
func (sec *security) assessments(graph bool) []thing {
	var out []thing
	for _, a := range sec.list {
		status := map[string]any{"code": a.code, "firstEvaluationDate": a.t.born.UTC().Format(time.RFC3339), "statusChangeDate": a.changed.UTC().Format(time.RFC3339)}
		if a.code == assessNA {
			status["cause"], status["description"] = "OffByPolicy", "The effective policy for the assessment was evaluated to off - use Microsoft.Authorization/policyAssignments to turn this assessment on"
		}
		details := map[string]any{"source": "Azure", "id": a.t.id}
		if graph {
			details = map[string]any{"Source": "Azure", "Id": a.t.id, "ResourceType": a.t.armKind(), "ResourceProvider": "microsoft"}
		}
		metadata := map[string]any{
			"displayName": a.d.display, "severity": a.d.severity, "assessmentType": "BuiltIn", "categories": []any{"Compute"}, "preview": a.d.preview,
			"description": a.d.display + ".", "remediationDescription": "Follow the steps in the portal.", "implementationEffort": "Low", "userImpact": "Low",
			"policyDefinitionId": authorization + "policyDefinitions/" + guid(label("policy of "+a.d.name)), "threats": []any{"dataExfiltration"},
		}
		out = append(out, thing{a.t.id + securityProvider + "assessments/" + a.d.name, "Microsoft.Security/assessments", a.t.group, map[string]any{
			"displayName": a.d.display, "resourceDetails": details, "status": status, "metadata": metadata, "additionalData": map[string]any{},
			"links": map[string]any{"azurePortal": "portal.azure.com/#blade/Microsoft_Azure_Security/RecommendationsBlade/assessmentKey/" + a.d.name},
		}, nil})
	}
	return out
}

// secureScores is the one score of a subscription.
func (sec *security) secureScores() []thing {
	current, most, weight := sec.total()
	return []thing{{sec.scope() + "secureScores/ascScore", "Microsoft.Security/secureScores", "", map[string]any{
		"displayName": "ASC score", "score": scoreWire(current, most), "weight": int64(weight),
	}, nil}}
}

// scoreControls are its controls, with their definitions or without.
func (sec *security) scoreControls(expand bool) []thing {
	var out []thing
	for _, c := range sec.scores {
		p := map[string]any{
			"displayName": c.c.display, "healthyResourceCount": int64(c.healthy), "unhealthyResourceCount": int64(c.unhealthy),
			"notApplicableResourceCount": int64(c.na), "score": scoreWire(c.current, c.max), "weight": int64(c.weight()),
		}
		if expand {
			p["definition"] = c.c.definition()
		}
		out = append(out, thing{sec.scope() + "secureScores/ascScore/secureScoreControls/" + c.c.name, "Microsoft.Security/secureScores/secureScoreControls", "", p, nil})
	}
	return out
}

func (c *scoreControl) definition() map[string]any {
	list := []any{}
	for _, d := range assessmentDefs {
		if d.control == c.short {
			list = append(list, map[string]any{"id": "/providers/Microsoft.Security/assessmentMetadata/" + d.name})
		}
	}
	return map[string]any{
		"id": "/providers/Microsoft.Security/secureScoreControlDefinitions/" + c.name, "name": c.name, "type": "Microsoft.Security/secureScoreControlDefinitions",
		"properties": map[string]any{"displayName": c.display, "maxScore": int64(c.max), "source": map[string]any{"sourceType": "BuiltIn"}, "assessmentDefinitions": list},
	}
}

func (sec *security) standardID(std *standardDef) string {
	return sec.scope() + "regulatoryComplianceStandards/" + std.name
}

// controlState is the state of a control, and how many of its assessments have which.
func (sec *security) controlState(c *standardControl) (string, map[string]int) {
	var states []string
	for _, k := range sec.checks(c) {
		states = append(states, k.state())
	}
	return sumStates(states)
}

func (sec *security) standard(std *standardDef) thing {
	var states []string
	for _, c := range std.controls {
		state, _ := sec.controlState(&c)
		states = append(states, state)
	}
	whole, n := sumStates(states)
	return thing{sec.standardID(std), "Microsoft.Security/regulatoryComplianceStandards", "", map[string]any{
		"state": whole, "passedControls": int64(n[standardPassed]), "failedControls": int64(n[standardFailed]),
		"skippedControls": int64(n[standardSkipped]), "unsupportedControls": int64(n[standardUnsupported]),
	}, nil}
}

func (sec *security) control(std *standardDef, c *standardControl) thing {
	state, n := sec.controlState(c)
	return thing{sec.standardID(std) + "/regulatoryComplianceControls/" + c.name, "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls", "", map[string]any{
		"description": c.text, "state": state, "passedAssessments": int64(n[standardPassed]), "failedAssessments": int64(n[standardFailed]), "skippedAssessments": int64(n[standardSkipped]),
	}, nil}
}

func (sec *security) controlAssessments(std *standardDef, c *standardControl) []thing {
	var out []thing
	for _, k := range sec.checks(c) {
		out = append(out, thing{
			sec.standardID(std) + "/regulatoryComplianceControls/" + c.name + "/regulatoryComplianceAssessments/" + k.d.name,
			"Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments", "",
			map[string]any{
				"description": k.d.display, "assessmentType": "Assessment", "state": k.state(),
				"assessmentDetailsLink": "https://management.azure.com/subscriptions/" + sec.p.w.sub.id + "/providers/Microsoft.Security/securityStatuses/" + k.d.name,
				"passedResources":       int64(k.passed), "failedResources": int64(k.failed), "skippedResources": int64(k.skipped),
			},
			nil,
		})
	}
	return out
}
