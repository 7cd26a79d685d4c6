package page

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"fresnel/internal/web/ui"
)

// regionID is the id of the region on the page.
func (r Region) regionID(id string) string {
	if r.Key != "" {
		return id + "-" + r.Key
	}
	return id
}

// refreshURL is where the region fetches itself again: its partial, with the query of the page.
func (r Region) refreshURL(id string) string { return r.Query.URL(PathPartials + id) }

// trigger is when the region fetches itself: when app.js says so, and at once when it was sent as a skeleton.
func (r Region) trigger() string {
	if r.Fresh.State == Loading {
		return "load, fresnel-refresh"
	}
	return "fresnel-refresh"
}

// onOverview says whether the partial belongs to the Overview, where it is shorter and links to its page.
func (r Region) onOverview() bool { return r.Query.View == viewOverview }

// links is the query that links inside the region start from.
func (r Region) links() Query {
	q := r.Query
	q.View = ""
	return q
}

// counted is what a panel counts; before the first reading it counts nothing, which is not zero.
func (r Region) counted(words string) string {
	if r.Fresh.State == NeverSynced {
		return ""
	}
	return words
}

// partial says that figures are shown, and that they are not of all tenants asked for. Before and during a first
// sync, and where nothing covers the period, that goes without saying.
func (f Freshness) partial() bool {
	return f.Of > 0 && f.Covered < f.Of && f.State != NeverSynced && f.State != FirstSync && f.State != Uncovered
}

func (f Freshness) coverage() string {
	switch {
	case f.Limited && f.Covered == f.Of:
		return Plural(f.Of, "tenant", "tenants") + " you can see"
	case f.Of == 1 && f.Covered == 1:
		return "1 tenant"
	}
	return Count(f.Covered) + " of " + Plural(f.Of, "tenant", "tenants")
}

// whole is a percentage without decimals, or "" when the total is not known.
func whole(p Progress) string {
	if p.Of <= 0 {
		return ""
	}
	return strconv.Itoa(100*p.Done/p.Of) + "%"
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// Sentence begins a sentence: causes of errors are written as parts of one.
func Sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// problemKind is the tone of an error: what is not there is no failure.
func problemKind(status int) ui.Kind {
	if status == 404 {
		return ui.Info
	}
	return ui.Bad
}

func problemIcon(status int) string {
	switch status {
	case 401, 403:
		return "lock"
	case 404:
		return "search"
	}
	return "circle-x"
}
