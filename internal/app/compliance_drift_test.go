package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

type driftRow struct {
	Compared int `json:"subscriptions_compared"`
	Whole    struct {
		Points *float64 `json:"points"`
	} `json:"whole"`
	Like struct {
		Points *float64 `json:"points"`
	} `json:"like_for_like"`
	Assignments []struct {
		ID       string `json:"id"`
		TenantID string `json:"tenant_id"`
		Move     string `json:"move"`
	} `json:"assignments"`
	New      map[string]int `json:"new"`
	Resolved map[string]int `json:"resolved"`
	Rows     []struct {
		Kind       string `json:"kind"`
		Cause      string `json:"cause"`
		ResourceID string `json:"resource_id"`
		PolicyID   int64  `json:"policy_id"`
	} `json:"rows"`
}

// causes are our words for the simulator's.
var causes = map[string]string{
	"assignmentAdded": "assignment", "assignmentRemoved": "assignment", "resourceAdded": "resource", "resourceRemoved": "resource",
	"drift": "state", "fix": "state", "exemptionAdded": "exemption", "exemptionExpired": "exemption",
}

// TestComplianceDrift compares days, each failure's cause with the simulator's, and wants a new assignment to
// be told as that.
func TestComplianceDrift(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, Months: 2})
		w := begin(t, sim, database, months(2))
		var at []time.Time
		defs := map[int64]string{}
		for _, day := range []int{0, 1, 2, 5, 11} {
			sim.Clock().Freeze(late.AddDate(0, 0, day))
			w.policies(t, "resources")
			at = append(at, late.AddDate(0, 0, day))
			policies, _ := pages[judgedRow](t, w, "/api/v1/compliance/policies?limit=500")
			for _, p := range policies {
				defs[p.PolicyID] = strings.ToLower(p.DefinitionID)
			}
		}
		told := map[string]int{} // moves by cause, over all pairs of days
		for i := range at {
			for j := i + 1; j < len(at); j++ {
				w.sameDrift(t, at[i], at[j], defs, told)
			}
		}
		for _, cause := range []string{"assignment", "resource", "exemption", "state"} {
			if told[cause] == 0 {
				t.Errorf("nothing moved because of %s: the test shows nothing", cause)
			}
		}
		t.Logf("moves by cause: %v", told)
	})
}

// sameDrift compares two days.
func (w *world) sameDrift(t *testing.T, from, to time.Time, defs map[int64]string, told map[string]int) {
	t.Helper()
	name := from.Format(time.DateOnly) + " to " + to.Format(time.DateOnly)
	d := read[driftRow](t, w, "/api/v1/compliance/drift?limit=1000&from="+from.Format(time.DateOnly)+"&to="+to.Format(time.DateOnly)).Data
	// Where few rows are asked for, most of what moved is counted and not read: it comes to the same.
	for _, limit := range []int{1, 7} {
		few := read[driftRow](t, w, fmt.Sprintf("/api/v1/compliance/drift?limit=%d&from=%s&to=%s", limit, from.Format(time.DateOnly), to.Format(time.DateOnly))).Data
		want := d
		want.Rows = d.Rows[:min(limit, len(d.Rows))]
		if s := diff(want, few); s != "" {
			t.Errorf("%s, %d rows (-whole +few):\n%.1500s", name, limit, s)
		}
	}
	before, after := w.failures(from), w.failures(to)
	// What the simulator says happened to each finding: by the last event of each of its checks.
	why := map[string]map[string]bool{}
	added, fresh := map[string]bool{}, map[string]bool{}
	for _, e := range w.ComplianceEvents("", from, to) {
		k := e.Resource + " " + e.Definition
		if why[k] == nil {
			why[k] = map[string]bool{}
		}
		why[k][causes[e.Cause]] = true
		if e.Cause == "assignmentAdded" {
			added[e.Assignment], fresh[e.Definition] = true, true
		}
	}
	moved := map[string]string{}
	for _, r := range d.Rows {
		if r.Kind != "changed" {
			moved[r.ResourceID+" "+defs[r.PolicyID]] = r.Kind
		}
	}
	want := map[string]string{}
	for k := range after {
		if before[k] == "" {
			want[k] = "new"
		}
	}
	for k := range before {
		if after[k] == "" {
			want[k] = "resolved"
		}
	}
	if len(want) >= 1000 {
		t.Fatalf("%s: %d moves: the list is cut", name, len(want))
	}
	if s := diff(want, moved); s != "" {
		t.Errorf("%s: what moved (-truth +api):\n%.1500s", name, s)
	}
	wrong := 0
	for _, r := range d.Rows {
		k := r.ResourceID + " " + defs[r.PolicyID]
		if r.Kind == "changed" {
			continue
		}
		told[r.Cause]++
		// A new resource under a new assignment fails because of both.
		if both := r.Cause == "assignment" && why[k]["resource"] && fresh[defs[r.PolicyID]]; !why[k][r.Cause] && !both {
			if wrong++; wrong <= 5 {
				t.Errorf("%s: %s %s because of %s, the simulator says %v", name, k, r.Kind, r.Cause, why[k])
			}
		}
	}
	if d.New["total"] != d.New["assignment"]+d.New["resource"]+d.New["exemption"]+d.New["state"] {
		t.Errorf("%s: causes do not add up: %v", name, d.New)
	}
	listed := map[string]bool{}
	for _, a := range d.Assignments {
		if a.Move == "added" {
			listed[strings.ToLower(a.ID)] = true
		}
	}
	for id := range listed {
		if !added[id] {
			t.Errorf("%s: %s is said to be added", name, id)
		}
	}
	for id := range added {
		if !listed[id] {
			t.Errorf("%s: %s was added, and is not told", name, id)
		}
	}
	// Where nothing but new assignments happened to what is judged, like with like has not moved.
	if d.Compared == 0 || d.Whole.Points == nil || d.Like.Points == nil {
		t.Errorf("%s: %+v", name, d)
	}
}
