package azure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fresnel/internal/azure"
	"fresnel/internal/compliance"
)

const sub = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"

// TestSummary reads an answer with the figures of Microsoft's example of a subscription: 140 and 619 of 759
// resources, while its five assignments have 697, 697, 697, 697 and 692: they judge the same ones.
func TestSummary(t *testing.T) {
	t.Parallel()
	of := func(no string) string {
		return `{"results":{"nonCompliantResources":` + no + `,"resourceDetails":[{"complianceState":"compliant","count":140},{"complianceState":"noncompliant","count":` + no + `}]}`
	}
	one := of("557") + "},"
	body := `{"@odata.count":1,"value":[` + of("619") + `,"policyAssignments":[` + strings.Repeat(one, 4) + of("552") + `}]}]}`
	if n, err := azure.SummaryResources([]byte(body)); n != 759 || err != nil {
		t.Errorf("%d %v, want 759", n, err)
	}
	if s := (compliance.Counts{Compliant: 140, NonCompliant: 619}).Official(); s != (compliance.Share{Of: 140, Whole: 759}) {
		t.Errorf("%+v", s)
	}
	if n, err := azure.SummaryResources([]byte(`{"value":[{"results":{"resourceDetails":[]}}]}`)); n != 0 || err != nil {
		t.Errorf("nothing to judge: %d %v", n, err)
	}
	if _, err := azure.SummaryResources([]byte(`{"value":[]}`)); err == nil {
		t.Error("no summary is no error")
	}
}

func TestPolicyObjects(t *testing.T) {
	t.Parallel()
	const id = "/subscriptions/" + sub + "/providers/Microsoft.Authorization/"
	for _, c := range []struct {
		body string
		want compliance.Told
	}{
		{
			`{"id":"` + id + `policySetDefinitions/CostManagement","type":"Microsoft.Authorization/policySetDefinitions","properties":{"displayName":"Cost","metadata":{"category":"Cost Management"},
			"policyType":"Custom","policyDefinitionGroups":[{"name":"CostSaving","displayName":"Saving"},{"name":"Nothing"}],
			"policyDefinitions":[{"policyDefinitionReferenceId":"Limit_Skus","groupNames":["CostSaving"]},{"policyDefinitionReferenceId":"Free","groupNames":null}]}}`,
			compliance.Told{
				Key: compliance.Key{Kind: compliance.KindSet, Definition: strings.ToLower(id) + "policysetdefinitions/costmanagement"}, ID: id + "policySetDefinitions/CostManagement", Name: "Cost", Category: "Cost Management",
				More: compliance.More{
					Custom: true, Groups: []compliance.Group{{Name: "costsaving", Title: "Saving"}, {Name: "nothing"}},
					Members: []compliance.Member{{Reference: "limit_skus", Groups: []string{"costsaving"}}, {Reference: "free"}},
				},
			},
		},
		{
			`{"id":"` + id + `policyAssignments/A","type":"microsoft.authorization/policyassignments","identity":{"type":"SystemAssigned"},"properties":{"scope":"/subscriptions/X","policyDefinitionId":"/P/Q","enforcementMode":"DoNotEnforce",
			"notScopes":["/subscriptions/X/resourceGroups/R"],"metadata":{"createdBy":"5f0b-a-person","assignedBy":"Jane Doe","createdOn":"2026-11-01T10:00:00.5Z"}}}`,
			compliance.Told{
				Key: compliance.Key{Kind: compliance.KindAssignment, Assignment: strings.ToLower(id) + "policyassignments/a"}, ID: id + "policyAssignments/A", Scope: "/subscriptions/x", About: "/p/q",
				Created: time.Date(2026, 11, 1, 10, 0, 0, 5e8, time.UTC), More: compliance.More{Identity: true, NotScopes: []string{"/subscriptions/x/resourcegroups/r"}},
			},
		},
		{
			`{"id":"/subscriptions/X/resourceGroups/R/providers/Microsoft.Authorization/policyExemptions/E","type":"Microsoft.Authorization/policyExemptions","systemData":{"createdAt":"2026-10-01T00:00:00Z"},
			"properties":{"policyAssignmentId":"/A","policyDefinitionReferenceIds":["Ref"],"exemptionCategory":"Mitigated","expiresOn":"2026-12-01T00:00:00Z","displayName":"<b>"}}`,
			compliance.Told{
				Key: compliance.Key{Kind: compliance.KindExemption, Definition: "/subscriptions/x/resourcegroups/r/providers/microsoft.authorization/policyexemptions/e"},
				ID:  "/subscriptions/X/resourceGroups/R/providers/Microsoft.Authorization/policyExemptions/E", Name: "<b>", Category: "Mitigated", Scope: "/subscriptions/x/resourcegroups/r", About: "/a",
				Created: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), More: compliance.More{References: []string{"ref"}},
			},
		},
	} {
		got, err := azure.PolicyObject([]byte(c.body))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	}
	for _, bad := range []string{`{}`, `{"id":"x","type":"Microsoft.Authorization/policyDefinitions"}`, `{"id":"/x","type":"other"}`, `{"id":"/x","type":"microsoft.authorization/policyexemptions","properties":{"expiresOn":"soon"}}`, `[]`} {
		if got, err := azure.PolicyObject([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

func TestStandardControl(t *testing.T) {
	t.Parallel()
	got, err := azure.StandardControl([]byte(`{"id":"/subscriptions/` + sub + `/providers/Microsoft.Security/regulatoryComplianceStandards/PCI-DSS-3.2/regulatoryComplianceControls/1.1","name":"1.1","subscriptionId":"` + sub + `",
		"properties":{"description":"Common","state":"Failed","failedAssessments":4,"passedAssessments":7,"skippedAssessments":0}}`))
	want := compliance.ControlCount{Subscription: sub, Key: compliance.Key{Kind: compliance.KindStandardControl, Definition: "1.1", Reference: "pci-dss-3.2"}, Name: "Common", Passed: 7, Failed: 4}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for _, bad := range []string{`{"id":"/x","subscriptionId":"` + sub + `"}`, `{"id":"/a/regulatorycompliancestandards/s/c","subscriptionId":"x"}`} {
		if got, err := azure.StandardControl([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

// FuzzPolicyObject wants no answer to break us, and none to be taken without an id of its kind.
func FuzzPolicyObject(f *testing.F) {
	f.Add([]byte(`{"id":"/A/providers/Microsoft.Authorization/policyAssignments/x","type":"Microsoft.Authorization/policyAssignments","properties":{"metadata":{"createdOn":"2026-11-01T10:00:00Z"}}}`))
	f.Add([]byte(`{"id":"/x","type":"microsoft.authorization/policyexemptions","properties":{"expiresOn":null,"policyDefinitionReferenceIds":[null]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := azure.PolicyObject(body); err == nil && (got.Kind == 0 || got.Assignment+got.Definition == "") {
			t.Errorf("%+v", got)
		}
		if got, err := azure.StandardControl(body); err == nil && got.Key.Reference == "" && !strings.Contains(string(body), "//") {
			t.Errorf("%+v", got)
		}
	})
}
