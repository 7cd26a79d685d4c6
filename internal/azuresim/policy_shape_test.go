package azuresim_test

import (
	"encoding/json"
	"testing"

	"fresnel/internal/azuresim"
)

// TestPolicyShapes wants every field of the official examples in the answers.
func TestPolicyShapes(t *testing.T) {
	c := start(t, azuresim.Options{})
	tenant, token := c.ownTenant()
	scope := "/subscriptions/" + tenant.Subscriptions[0].ID + "/providers/"
	const standard = "Microsoft.Security/regulatoryComplianceStandards"
	for name, path := range map[string]string{
		"Security_SecureScores":        "Microsoft.Security/secureScores?api-version=2020-01-01",
		"Security_SecureScoreControls": "Microsoft.Security/secureScores/ascScore/secureScoreControls?api-version=2020-01-01&$expand=definition",
		"Security_Assessments":         "Microsoft.Security/assessments?api-version=2025-05-04",
		"Security_Standards":           standard + "?api-version=2019-01-01-preview",
		"Security_Controls":            standard + "/Microsoft-cloud-security-benchmark/regulatoryComplianceControls?api-version=2019-01-01-preview",
		"Security_ControlAssessments":  standard + "/Microsoft-cloud-security-benchmark/regulatoryComplianceControls/DP.3/regulatoryComplianceAssessments?api-version=2019-01-01-preview",
		"Policy_Assignments":           "Microsoft.Authorization/policyAssignments?api-version=2025-03-01",
		"Policy_Definitions":           "Microsoft.Authorization/policyDefinitions?api-version=2025-03-01",
		"Policy_SetDefinitions":        "Microsoft.Authorization/policySetDefinitions?api-version=2025-03-01",
	} {
		a := c.do("GET", scope+path, token, "")
		var got any
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != 200 {
			t.Errorf("%s: %d %.300s", name, a.status, a.body)
			continue
		}
		have := map[string]bool{}
		fields("", got, have)
		for _, want := range exampleFields(t, name) {
			if !have[want] {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
}
