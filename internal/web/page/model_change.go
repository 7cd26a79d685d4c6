package page

import (
	"slices"
	"time"

	"fresnel/internal/web/ui"
)

// Changes is the body of PathChanges.
type Changes struct {
	Table    ChangeTable
	Chips    []Chip
	ClearURL string
	Types    []Choice // types that can be chosen, those with the most resources first
}

// ChangeTable is a page of what happened to resources, the newest first.
type ChangeTable struct {
	Region
	Title   string // "Changes", "Changes of vm-1"
	Total   string // "2,143", "10,000+"
	Days    []ChangeDay
	Shown   int
	NextURL string
	BackURL string // the first page; "" when this is it
}

// ChangeDay is what happened on one UTC day.
type ChangeDay struct {
	Day  time.Time
	Rows []ChangeLine
}

// ChangeLine is something that happened to a resource.
type ChangeLine struct {
	Kind                 string // created, updated, deleted
	Name                 string
	URL, DrawerURL       string // of the resource; "" where it is not held
	Type, Icon           string
	Tenant, Subscription string
	SubURL               string // the changes of its subscription
	Actor                string // person, app, platform, unknown
	App                  string // id, of an app
	At                   time.Time
	Since                time.Time // zero = it is known when it happened; else it was between this and At
	Values               []ValueLine
	More                 int // values that are not held
}

// ValueLine is one value before and after; "" = there was none.
type ValueLine struct{ Path, Before, After string }

// kindWords, with their icons, are the kinds of changes.
var kindWords = map[string]struct {
	word, icon string
	kind       ui.Kind
}{
	"created": {"Created", "plus", ui.OK},
	"updated": {"Updated", "refresh-cw", ui.Info},
	"deleted": {"Deleted", "trash-2", ui.Bad},
}

// actorWords are who changes resources; Azure names people by their address, which is not kept.
var actorWords = map[string]string{"person": "A person", "app": "An app", "platform": "Azure", "unknown": "Not told"}

// who says who made a change.
func (l ChangeLine) who() string { return or(actorWords[l.Actor], actorWords["unknown"]) }

// times is when a change happened, on the day under which it stands.
func (l ChangeLine) times() string {
	at := l.At.UTC().Format("15:04:05")
	switch {
	case l.Since.IsZero():
		return at
	case ISODay(l.Since) == ISODay(l.At):
		return l.Since.UTC().Format("15:04") + " – " + l.At.UTC().Format("15:04")
	}
	return l.Since.UTC().Format("2 Jan 15:04") + " – " + l.At.UTC().Format("2 Jan 15:04")
}

// valueWords are what is folded away.
func (l ChangeLine) valueWords() string { return Plural(len(l.Values)+l.More, "value", "values") }

// rows is how many changes the page has.
func (t ChangeTable) rows() int {
	n := 0
	for _, d := range t.Days {
		n += len(d.Rows)
	}
	return n
}

// boxes are the words of a closed set as boxes to tick.
func boxes(all []string, on []string, label func(string) string) []Choice {
	var out []Choice
	for _, v := range all {
		out = append(out, Choice{Value: v, Label: label(v), Chosen: slices.Contains(on, v)})
	}
	return out
}

// ChangeKindWord and ActorWord are words of the query as people read them.
func ChangeKindWord(kind string) string { return kindWords[kind].word }

// ActorWord is who changes resources, in words.
func ActorWord(actor string) string { return actorWords[actor] }

func or2(kind, other ui.Kind) ui.Kind {
	if kind != "" {
		return kind
	}
	return other
}

// shortID is an id, shortened in the middle.
func shortID(id string) string {
	if len(id) <= 12 {
		return id
	}
	return id[:4] + "…" + id[len(id)-4:]
}

// seenOnly says of what only we saw that it is so.
func seenOnly(l ChangeLine) string {
	if l.Since.IsZero() {
		return ""
	}
	return " · seen by Fresnel"
}

// historyTime is when a change happened, with its day.
func historyTime(l ChangeLine) string {
	if l.Since.IsZero() {
		return Stamp(l.At)
	}
	return "between " + l.Since.UTC().Format("2 Jan 15:04") + " and " + Stamp(l.At)
}

func changeTotal(m ChangeTable) string {
	if m.Total == "" {
		return ""
	}
	return m.Total + " match"
}
