package page

import "time"

// Resources is the body of PathResources.
type Resources struct {
	Table    ResourceTable
	Types    ResourceTypes
	Chips    []Chip
	ClearURL string
	Choices  []Choice // types that can be chosen, those with the most resources first
	Names    Names
}

// Names are what the fields of a filter suggest.
type Names struct {
	Groups, Locations, TagKeys []string
	Required                   []string // tags that some tenant requires
}

// ResourceTable is a page of resources.
type ResourceTable struct {
	Region
	Month   string // "October 2026": the last full month, which amounts are of
	Total   string // "2,143", "10,000+"
	Rows    []ResourceRow
	NextURL string
	BackURL string // the first page; "" when this is it
}

// ResourceRow is one resource, every figure ready to print.
type ResourceRow struct {
	Name, URL, DrawerURL string
	Type, Icon           string
	Tenant, Subscription string
	Group, Location      string
	Tags                 []Tag
	Cost                 []string // of the last full month, in billing currencies; none is not known
	Waste                []Flag
	First, Gone          time.Time
}

// Tag is a tag of a resource, and the address of the list of what has it.
type Tag struct{ Key, Value, URL string }

// Flag is what a rule found of a resource.
type Flag struct {
	Title      string
	State      AnomalyState
	Confidence string
}

// ResourceTypes counts resources by type.
type ResourceTypes struct {
	Region
	Rows  []TypeRow
	Total int // resources
	More  int // types that are left out
}

// TypeRow is a type with how many there are of it.
type TypeRow struct {
	Name, Icon, URL string
	N               int
	Part            int // of the most frequent type, 0 to 100: the bar
}

// ResourceFacts is one resource with all that is known of it.
type ResourceFacts struct {
	Region
	Name, Type, Icon              string
	TypeID, ID                    string
	Tenant, Subscription          string
	SubscriptionID                string
	Group, Location               string
	Kind, SKU, ManagedBy, Zones   string
	PageURL, PortalURL, ListURL   string
	ManagedURL                    string // the page of what it belongs to
	Tags                          []Tag
	TagsUnknown                   bool // Azure did not tell whether there are any
	Costs                         []MonthLine
	Waste                         []WasteLine
	Created, First, Changed, Gone time.Time
	Raw                           string // properties as indented JSON
	LackingTags, WrongTags        []string
	History                       []ChangeLine // the newest changes
	HistoryMore                   string       // "The newest 10 of 31"
	HistoryURL                    string
	Fails                         []FailedPolicy
}

// MonthLine is what was paid in a month, in each billing currency.
type MonthLine struct {
	Month   string
	Amounts []string // none is not known
}

// Waste is the body of PathWaste.
type Waste struct {
	Region
	Month     string // "October 2026"
	Total     MonthSum
	AtMost    MonthSum
	Unknown   int // open findings whose cost is not known
	Open      int
	More      bool // there are more than are ever listed
	Rows      []WasteLine
	Shown     int
	Matched   int
	NextURL   string
	BackURL   string
	Rules     []Chip // each rule that found something: "Disk without a machine (12)"
	Chips     []Chip
	ClearURL  string
	Over      string // "Over 100 a month": a filter that is off, at OverURL
	OverURL   string
	RuleTitle string // of the rule that is asked for
	Today     time.Time
}

// MonthSum is an amount of a month: one figure, and what is billed where that is in several currencies.
type MonthSum struct {
	Figure  string // "$9,480", "—"
	Billing []string
}

// WasteLine is a finding of waste with all that is said of it.
type WasteLine struct {
	ID                     string
	Rule, Title, Reason    string
	Confidence             string // waste, review, advice
	State                  AnomalyState
	Resolved               bool
	Name, URL, Type, Icon  string // of the resource
	Tenant, Subscription   string
	Since                  time.Time
	Age                    string // "46 days"
	Amounts                []string
	Basis                  string // what the amounts are: "last month", "not known", "Azure's estimate"
	Why, Condition, DocURL string
	Exceptions             []string
	Said                   *Said
	SaidOf                 string   // "resource group rg-web", where more than this finding is meant
	SaidExtent             string   // of what was said: "", resource_group, subscription
	Extents                []Option // what can be said of more than this finding
	Form                   *VerdictForm
}

// Option is a choice of a form.
type Option struct{ Value, Words string }

// ResourceSummary is the card of resources on the Overview.
type ResourceSummary struct {
	Region
	Total   int
	Tenants int
	Rows    []TypeRow
}

// WasteSummary is the card of waste on the Overview.
type WasteSummary struct {
	Region
	Month   string
	Total   MonthSum
	AtMost  MonthSum
	Open    int
	Unknown int
	Rows    []WasteLine
}

// typed is what a line's form holds.
func (l WasteLine) typed() VerdictForm {
	if l.Form == nil {
		return VerdictForm{}
	}
	return *l.Form
}

// wasteURL is where a verdict on a finding goes; the page behind it stays as it is.
func wasteURL(q Query, id string) string { return q.URL(PathWaste + "/" + id + "/verdict") }

// tagsShown is how many tags a row prints; the others are folded away.
const tagsShown = 2

// first and rest are what a row shows of its tags at once, and what it folds away.
func (r ResourceRow) first() []Tag { return r.Tags[:min(tagsShown, len(r.Tags))] }
func (r ResourceRow) rest() []Tag  { return r.Tags[len(r.first()):] }

// words is a tag as one text.
func (t Tag) words() string {
	if t.Value == "" {
		return t.Key
	}
	return t.Key + ": " + t.Value
}
