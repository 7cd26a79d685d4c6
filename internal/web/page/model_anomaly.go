package page

import "time"

// Anomalies is the body of PathAnomalies.
type Anomalies struct {
	Region
	Sub       string // "1–22 Nov, amortized usage"
	Rows      []AnomalyLine
	Shown     int // rows up to and including this page
	Matched   int // of the state that is asked for
	Open      int
	More      bool // there are more than are ever listed
	NextURL   string
	BackURL   string
	How       string // how a change is found, in one paragraph
	Recurring []RecurringRow
	Today     time.Time // the first day on which an expectation can end
}

// AnomalyLine is one anomaly with all that is known of it.
type AnomalyLine struct {
	ID                    string
	Kind                  string
	State                 AnomalyState
	Tenant, Where, Detail string // tenant; service or subscription; subscription of a service
	URL                   string
	When                  string
	Actual, Expected      string // of one day
	Change                Delta
	Over, Worth           string // signed; in USD by day
	Score                 string // "4.2 robust sigmas"
	Parts                 []AnomalyPart
	Said                  *Said
	Form                  *VerdictForm // as it was typed, where it was refused
}

// AnomalyPart is what one lower series adds to an anomaly.
type AnomalyPart struct{ Name, Change string }

// Said is what somebody said of an anomaly.
type Said struct {
	Author, Note string
	At           time.Time
	Until        string // the last day on which it holds; "" for as long as the anomaly
}

// VerdictForm is a verdict that was refused, with what was typed.
type VerdictForm struct{ Verdict, Extent, Note, Expires, Problem, Do string }

// RecurringRow is a charge of a known day of the month.
type RecurringRow struct{ Tenant, Where, Detail, When, Amount string }

// verdictURL is where a verdict on an anomaly goes; the page behind it stays as it is.
func (m Anomalies) verdictURL(id string) string {
	return m.Query.URL(PathAnomalies + "/" + id + "/verdict")
}

// typed is what a line's form holds.
func (l AnomalyLine) typed() VerdictForm {
	if l.Form == nil {
		return VerdictForm{}
	}
	return *l.Form
}
