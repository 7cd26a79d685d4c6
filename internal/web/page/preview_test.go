package page_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// policy is the content security policy of the design guide, section 11.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"

// TestPreview serves the pages with invented figures for looking at them: FRESNEL_PREVIEW=127.0.0.1:8099 go test
// -run Preview -timeout 0 ./internal/web/page. It is skipped otherwise.
func TestPreview(t *testing.T) {
	addr := os.Getenv("FRESNEL_PREVIEW")
	if addr == "" {
		t.Skip("set FRESNEL_PREVIEW=host:port to look at the pages in a browser")
	}
	mux := http.NewServeMux()
	mux.Handle(ui.Prefix, ui.Static())
	render := func(path string, body func(s page.Shell) templ.Component) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			q, notes := page.ParseQuery(r.URL.Query())
			s := page.SampleShell(time.Now())
			s.Query, s.Path = q, strings.TrimSuffix(r.URL.Path, "{$}")
			for _, n := range notes {
				s.Notes = append(s.Notes, page.Notice{Kind: ui.Warn, Text: n})
			}
			for i := range s.Tenants {
				for _, id := range q.Tenants {
					s.Tenants[i].Chosen = s.Tenants[i].Chosen || s.Tenants[i].ID == id
				}
			}
			if c, err := r.Cookie("theme"); err == nil {
				s.Theme = c.Value
			}
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if err := body(s).Render(context.Background(), w); err != nil {
				t.Error(err)
			}
		})
	}
	render("/{$}", func(s page.Shell) templ.Component {
		s.Title, s.Sub = "Overview", "6 tenants · 41 subscriptions · month to date, UTC days"
		return page.OverviewPage(s, page.SampleOverview(s))
	})
	render("/costs", func(s page.Shell) templ.Component {
		s.Title, s.Sub = "Costs", "Actual cost, month to date, 41 subscriptions, UTC days"
		return page.CostsPage(s, page.SampleCosts(s))
	})
	render(page.PathAnomalies, func(s page.Shell) templ.Component {
		s.Title = "Anomalies"
		return page.AnomaliesPage(s, page.SampleAnomalies(s))
	})
	render(page.PathBudgets, func(s page.Shell) templ.Component {
		s.Title = "Budgets"
		return page.BudgetsPage(s, page.SampleBudgets(s))
	})
	render(page.PathRestated, func(s page.Shell) templ.Component {
		s.Title = "Restated days"
		return page.RestatedPage(s, page.SampleRestated(s))
	})
	render(page.PathResources, func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.To = "Resources", "Inventory of 6 tenants and 41 subscriptions", time.Time{}
		return page.ResourcesPage(s, page.SampleResources(s))
	})
	render(page.PathResource, func(s page.Shell) templ.Component {
		m := page.SampleFacts(s)
		s.Title, s.Sub, s.To = m.Name, m.Type+" · "+m.Tenant, time.Time{}
		return page.ResourcePage(s, m)
	})
	render(page.PathWaste, func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.To = "Waste", "Inventory of 6 tenants and 41 subscriptions", time.Time{}
		return page.WastePage(s, page.SampleWaste(s))
	})
	render(page.PathTags, func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.To = "Tags", "Inventory of 6 tenants and 41 subscriptions", time.Time{}
		return page.TagsPage(s, page.SampleTags(s))
	})
	render(page.PathChanges, func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.NoVS = "Changes", "Inventory of 6 tenants and 41 subscriptions", true
		return page.ChangesPage(s, page.SampleChanges(s))
	})
	render("/sync", func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.To = "Sync status", "What was read from Azure, when, and what failed", time.Time{}
		return page.SyncPage(s, page.SampleSync(s))
	})
	render("/dev/states", func(s page.Shell) templ.Component {
		s.Title, s.Sub = "Card states", "Every partial in every state, with invented figures"
		return page.StatesPage(s, s.Now, page.PathStates)
	})
	render("/dev/states/resources", func(s page.Shell) templ.Component {
		s.Title, s.Sub = "Card states of resources", "Every partial in every state, with invented figures"
		return page.StatesPage(s, s.Now, page.PathResourceStates)
	})
	render("/dev/states/compliance", func(s page.Shell) templ.Component {
		s.Title, s.Sub = "Card states of compliance", "Every partial in every state, with invented figures"
		return page.StatesPage(s, s.Now, page.PathJudgedStates)
	})
	render(page.PathCompliance, func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.To = "Compliance", "Azure Policy state, 5 of 6 tenants reporting", time.Time{}
		if len(s.Query.Tenants) > 0 {
			return page.CompliancePage(s, page.SampleOneTenant(s))
		}
		return page.CompliancePage(s, page.SampleCompliance(s))
	})
	render(page.PathPolicies+"/{id}", func(s page.Shell) templ.Component {
		m := page.SamplePolicyPage(s)
		s.Title, s.Sub, s.To = m.Name, "Policy", time.Time{}
		return page.CompliancePolicyPage(s, m)
	})
	render(page.PathNonCompliant, func(s page.Shell) templ.Component {
		s.Title, s.To = "Non-compliant resources", time.Time{}
		return page.NonCompliantPage(s, page.SampleNonCompliant(s))
	})
	render(page.PathDrift, func(s page.Shell) templ.Component {
		s.Title, s.To = "Drift", time.Time{}
		return page.DriftPage(s, page.SampleDrift(s))
	})
	render(page.PathExemptions, func(s page.Shell) templ.Component {
		s.Title, s.To = "Exemptions", time.Time{}
		return page.ExemptionsPage(s, page.SampleExemptions(s))
	})
	render(page.PathSecureScore, func(s page.Shell) templ.Component {
		s.Title, s.To = "Secure score", time.Time{}
		return page.SecureScorePage(s, page.SampleSecureScore(s))
	})
	render(page.PathFrameworks, func(s page.Shell) templ.Component {
		s.Title, s.To = "Frameworks", time.Time{}
		return page.FrameworksPage(s, page.SampleFrameworks(s))
	})
	render(page.PathFramework, func(s page.Shell) templ.Component {
		s.Title, s.To = "ISO 27001:2022", time.Time{}
		return page.FrameworkPage(s, page.SampleFramework(s))
	})
	render(page.PathIdentity, func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.To, s.CSV = "Identity", "Entra ID posture, 6 of 6 tenants read", time.Time{}, "/api/v1/identity/summary.csv"
		return page.IdentityPage(s, page.SampleIdentityList(s, s.Query.List))
	})
	render(page.PathIdentityStates, func(s page.Shell) templ.Component {
		s.Title, s.To = "Card states of identity", time.Time{}
		return page.StatesPage(s, s.Now, page.PathIdentityStates)
	})
	render("/missing", func(s page.Shell) templ.Component {
		s.Title = "Not found"
		return page.ErrorPage(s, page.Problem{Status: 404, Title: "No such page", Cause: "Nothing is at this address.", RequestID: "01JD3K9Q7B"})
	})
	partial := func(name string, body func(s page.Shell) templ.Component) { render(page.PathPartials+name, body) }
	partial("cost-summary-card", func(s page.Shell) templ.Component { return page.CostSummaryCard(page.SampleOverview(s).Summary) })
	partial("cost-chart", func(s page.Shell) templ.Component { return page.CostChartPanel(page.SampleOverview(s).Chart) })
	partial("cost-breakdown", func(s page.Shell) templ.Component { return page.CostBreakdownPanel(page.SampleOverview(s).Tenants) })
	partial("cost-anomalies", func(s page.Shell) templ.Component {
		return page.CostAnomaliesPanel(page.SampleOverview(s).Anomalies)
	})
	partial("sync-freshness", func(s page.Shell) templ.Component {
		if s.Query.View == "" {
			return page.SyncFreshnessPanel(page.SampleSync(s).Freshness)
		}
		return page.SyncFreshnessPanel(page.SampleOverview(s).Freshness)
	})
	partial("resource-table", func(s page.Shell) templ.Component { return page.ResourceTablePanel(page.SampleResources(s).Table) })
	partial("resource-types", func(s page.Shell) templ.Component { return page.ResourceTypesPanel(page.SampleResources(s).Types) })
	partial("resource-drawer", func(s page.Shell) templ.Component { return page.ResourceDrawer(s, page.SampleFacts(s)) })
	partial("sync-jobs", func(s page.Shell) templ.Component { return page.SyncJobsPanel(page.SampleSync(s).Jobs) })
	mux.HandleFunc("POST /sync/{job}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sync", http.StatusSeeOther) })
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w)
		for _, event := range []string{
			"event: sync-progress\ndata: {\"run\":\"r1\",\"state\":\"running\",\"done\":8,\"of\":9,\"words\":\"8 of 9 subscriptions\"}\n\n",
			"event: data-updated\ndata: {\"topic\":\"cost\",\"tenant\":\"t1\"}\n\n",
		} {
			_, _ = w.Write([]byte(event))
			_ = flush.Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
		<-r.Context().Done()
	})
	t.Logf("serving on http://%s", addr)
	if err := http.ListenAndServe(addr, mux); err != nil {
		t.Fatal(err)
	}
}
