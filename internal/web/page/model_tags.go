package page

import "strconv"

// Tags is the body of PathTags.
type Tags struct {
	Region
	Month   string // "October 2026": the last full month, which amounts are of
	Percent string // of resources that meet what is required: "62.3%", "—"
	Of      string // "1,234 of 1,981 resources"
	Lacking int
	Cost    string // of those that lack tags
	Unknown int    // resources whose tags Azure did not tell
	Exempt  int    // resources of which nothing is required
	None    bool   // no tenant has a policy: there is nothing to count
	AllURL  string // the list of those that lack tags
	Tables  []TagTable
}

// TagTable counts by one thing: tenant, required tag, subscription or type.
type TagTable struct {
	Region
	ID, Title, Head, Sub string
	Month                string // of Cost; "" prints no cost
	Rows, Rest           []TagLine
	More                 int // rows that are in neither
}

// TagLine is how many resources of something meet what is required of them.
type TagLine struct {
	Name, Detail, Icon string
	Compliant, Judged  int
	Unknown, Exempt    int
	Cost               string
	URL                string // the list of those that lack tags
}

// lacking is how many resources do not meet what is required.
func (l TagLine) lacking() int { return l.Judged - l.Compliant }

// percent is the part that meets it; "—" where nothing was judged.
func (l TagLine) percent() string { return Percent(int64(l.Compliant), int64(l.Judged)) }

// part is percent as a whole number, for the bar.
func (l TagLine) part() string { return strconv.Itoa(100 * l.Compliant / max(1, l.Judged)) }

// rest are the words of what was not judged.
func (l TagLine) rest() string {
	parts := []string{Count(l.Compliant) + " of " + Count(l.Judged)}
	if l.Unknown > 0 {
		parts = append(parts, Count(l.Unknown)+" not told")
	}
	if l.Exempt > 0 {
		parts = append(parts, Count(l.Exempt)+" exempt")
	}
	return dotted(parts...)
}
