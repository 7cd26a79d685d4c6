package azuresim

import (
	"fmt"
	"strings"
	"time"
)

// How people write the keys and values of their tags.
var (
	envKeys     = []string{"env", "Env", "environment", "Environment", "ENV", "env ", "Umgebung"}
	costKeys    = []string{"costcenter", "CostCenter", "cost-center", "Cost Center", "costCentre", "Kostenstelle", "cost_center"}
	ownerKeys   = []string{"owner", "Owner", "OWNER", "ownedBy", "contact"}
	envSpelling = map[string][]string{
		"prod": {"prod", "Prod", "PROD", "production", "prd", "prdo", "Production "},
		"dev":  {"dev", "Dev", "development", "DEV", "devel", "dvelopment"},
		"test": {"test", "Test", "tst", "TEST", "testing", "tets"},
	}
	people = []string{"anna.berg", "j.okafor", "lena.hoffmann", "marc.dubois", "s.lindqvist", "tom.whitaker", "priya.nair", "k.sorensen"}
)

// Oddities are tags that a page must show as text.
var tagOddities = []struct{ key, value string }{
	{"note", "<img src=x onerror=alert(1)>"},
	{`quo"ted'`, `he said "it's fine"`},
	{"lines", "first\nsecond\r\nthird\tend"},
	{"שלום", "\u202eمرحبا بالعالم\u202c"},
	{"formula", "=HYPERLINK(\"https://evil.example\";\"click\")"},
	{"plus", "+1+cmd|' /C calc'!A0"},
	{"minus", "-2+3"},
	{"at", "@SUM(1,1)"},
	{"tab", "\t=1+1"},
	{"script", "</script><script>alert(1)</script>"},
	{"<b>key</b>", "markup in the key"},
	{"=1+1", "a formula in the key"},
	{"emoji", "🚀 zero\u200bwidth"},
	{"path", `C:\temp\new`},
}

// tags are a resource's at an instant; nil if it has none. A quarter has none, some have {}.
func (it *item) tags(at time.Time) map[string]any {
	key := mix(it.key, label("tags"))
	_, edit := it.latest(aspectTags, at)
	tags := writtenTags(it.w.sub, it.group, key)
	if it == it.w.first {
		tags = it.w.oddTags(tags)
	}
	if edit == 0 {
		return tags
	}
	if tags == nil {
		tags = map[string]any{}
	}
	switch mix(edit, 1) % 4 {
	case 0:
		tags["owner"] = person(it.w.sub.tenant, edit)
	case 1:
		tags["reviewed"] = fmt.Sprintf("2026-%02d", 1+below(mix(edit, 2), 12))
	case 2:
		tags[costKeys[below(mix(key, 5), len(costKeys))]] = costCenter(edit)
	case 3:
		for _, k := range ownerKeys {
			delete(tags, k)
		}
		tags["ticket"] = fmt.Sprintf("CHG%07d", below(mix(edit, 2), 10_000_000))
	}
	return tags
}

// writtenTags draws tags as the people of a resource group would write them.
func writtenTags(sub *subscription, group string, key uint64) map[string]any {
	switch below(mix(key, 1), 20) {
	case 0, 1, 2, 3, 4:
		return nil
	case 5:
		return map[string]any{}
	}
	habit := mix(sub.key, label(group), label("habit"))
	if mix(key, 2)%4 == 0 {
		habit = key // somebody else
	}
	tags := map[string]any{}
	if mix(key, 3)%8 != 0 {
		tags[envKeys[below(mix(habit, 1), len(envKeys))]] = envValue(sub.env, mix(habit, uint64(below(mix(key, 4), 3))))
	}
	if mix(key, 5)%3 != 0 {
		tags[costKeys[below(mix(habit, 2), len(costKeys))]] = costCenter(mix(habit, 3))
	}
	if mix(key, 6)%2 == 0 {
		tags[ownerKeys[below(mix(habit, 4), len(ownerKeys))]] = ownerValue(sub.tenant, key)
	}
	if mix(key, 7)%3 == 0 {
		tags["app"] = strings.TrimPrefix(group, "rg-")
	}
	if mix(key, 8)%30 == 0 {
		tags["hidden-link:/app-insights-resource-id"] = "/subscriptions/" + sub.id + "/resourceGroups/" + group
	}
	if sub.markup {
		odd := tagOddities[below(mix(key, 9), len(tagOddities))]
		tags[odd.key] = odd.value
	}
	return tags
}

func envValue(env string, key uint64) string {
	if list := envSpelling[env]; list != nil {
		return list[min(below(mix(key, 1), len(list)), below(mix(key, 2), len(list)))]
	}
	if mix(key, 3)%10 == 0 {
		return ""
	}
	return env
}

func costCenter(key uint64) string {
	switch mix(key, 1) % 8 {
	case 0:
		return ""
	case 1:
		return "tbd"
	case 2:
		return fmt.Sprintf("CC-%04d", 1000+below(mix(key, 2), 30))
	default:
		return fmt.Sprint(1000 + below(mix(key, 2), 30))
	}
}

func ownerValue(t *tenant, key uint64) string {
	switch mix(key, 10) % 5 {
	case 0:
		return "Team " + apps[below(mix(key, 11), len(apps))]
	case 1:
		return ""
	default:
		return person(t, mix(key, 12))
	}
}

// person is the e-mail address of somebody in a tenant.
func person(t *tenant, key uint64) string {
	return people[below(mix(key, label("person")), len(people))] + "@" + t.slug + ".example"
}

// userName is under what somebody of a tenant signs in. Tags have e-mail addresses of another domain: what
// a search for a user name finds was taken from a change.
func userName(t *tenant, key uint64) string {
	return people[below(mix(key, label("person")), len(people))] + "@" + t.domain
}

// Person is somebody of a tenant. Changes name people by UserName; tags, by Mail.
type Person struct {
	Tenant   string `json:"tenant"`
	UserName string `json:"userName"`
	Mail     string `json:"mail"`
}

// People lists everybody whom changes and tags may name.
func (s *Server) People() []Person {
	out := []Person{}
	for _, t := range s.estate.tenants {
		for _, p := range people {
			out = append(out, Person{t.id, p + "@" + t.domain, p + "@" + t.slug + ".example"})
		}
	}
	return out
}

// oddTags give one resource of each tenant a value of 10 KB, and one in the markup estate all oddities.
func (w *world) oddTags(tags map[string]any) map[string]any {
	if tags == nil {
		tags = map[string]any{}
	}
	if w.sub.index == 0 {
		tags["description"] = strings.Repeat("Lorem ipsum dolor sit amet, äöü. ", 10<<10/34+1)[:10<<10]
	}
	if w.sub.markup {
		for _, o := range tagOddities {
			tags[o.key] = o.value
		}
	}
	return tags
}

// groupTags are a resource group's.
func (w *world) groupTags(g *group, at time.Time) map[string]any {
	if g.tags != nil {
		return g.tags(at)
	}
	return writtenTags(w.sub, g.name, mix(g.key, label("tags")))
}
