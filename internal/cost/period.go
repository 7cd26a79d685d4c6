package cost

import (
	"time"

	"fresnel"
)

// SettleAfter is how long after its end a day's cost goes on growing
// (Microsoft: usage arrives up to 24 h late and is re-estimated until 72 h).
const SettleAfter = 72 * time.Hour

// ClosedAfter is when a month can no longer change: Azure restates until the
// 5th day of the next month.
const ClosedAfter = 5 * 24 * time.Hour

// SettledTo is the end (exclusive) of the days that an answer read at an
// instant holds in their settled form.
func SettledTo(read time.Time) fresnel.Day {
	if read.IsZero() {
		return 0
	}
	return fresnel.DayOf(read.Add(-SettleAfter))
}

// Versus names what a period is compared with.
type Versus string

// The comparisons.
const (
	VersusPrevious Versus = "prev"
	VersusYear     Versus = "prev-year"
	VersusNone     Versus = "none"
)

// ParseVersus reads prev, prev-year or none; "" is prev. It fails with Invalid.
func ParseVersus(s string) (Versus, error) {
	switch v := Versus(s); v {
	case "":
		return VersusPrevious, nil
	case VersusPrevious, VersusYear, VersusNone:
		return v, nil
	}
	return "", fresnel.Errorf(fresnel.Invalid, "vs %.40q: expected prev, prev-year or none", s)
}

// Before is the period that p is compared with: the same days of the month
// before if p begins with a month and stays in it, the same length directly
// before otherwise; or the same dates a year earlier. A whole month is compared
// with the whole month before, whatever their lengths.
func (v Versus) Before(p fresnel.Period) (fresnel.Period, bool) {
	if v == VersusNone || p.Days() == 0 {
		return fresnel.Period{}, false
	}
	start, next := p.From.MonthStart(), p.From.AddMonths(1)
	months := -1
	if v == VersusYear {
		months = -12
	}
	switch {
	case p.From == start && p.To == next:
		return fresnel.Period{From: start.AddMonths(months), To: start.AddMonths(months + 1)}, true
	case p.From == start && p.To < next:
		m := fresnel.Period{From: start.AddMonths(months), To: start.AddMonths(months + 1)}
		return fresnel.Period{From: m.From, To: min(m.To, m.From+(p.To-p.From))}, true
	case v == VersusYear:
		f, t := p.From.Time(), p.To.Time()
		return fresnel.Period{From: fresnel.DayOf(f.AddDate(-1, 0, 0)), To: fresnel.DayOf(t.AddDate(-1, 0, 0))}, true
	default:
		n := p.To - p.From
		return fresnel.Period{From: p.From - n, To: p.From}, true
	}
}

// MaxDays is the longest period that a question may name.
const MaxDays = 800

// Relative is the period that a word of the query language names on a day:
// mtd, last-month, 7d, 30d, 90d, ytd. Days-back periods end with the day
// itself. It fails with Invalid.
func Relative(word string, today fresnel.Day) (fresnel.Period, error) {
	end := today + 1
	switch word {
	case "", "mtd":
		return fresnel.Period{From: today.MonthStart(), To: end}, nil
	case "last-month":
		return fresnel.Period{From: today.AddMonths(-1), To: today.MonthStart()}, nil
	case "7d":
		return fresnel.Period{From: end - 7, To: end}, nil
	case "30d":
		return fresnel.Period{From: end - 30, To: end}, nil
	case "90d":
		return fresnel.Period{From: end - 90, To: end}, nil
	case "ytd":
		return fresnel.Period{From: fresnel.Date(today.Time().Year(), time.January, 1), To: end}, nil
	}
	return fresnel.Period{}, fresnel.Errorf(fresnel.Invalid,
		"period %.40q: expected mtd, last-month, 7d, 30d, 90d or ytd, or give from and to", word)
}

// ParsePeriod reads a period of the query language: a relative word, or the
// first and last day. It fails with Invalid.
func ParsePeriod(word, from, to string, today fresnel.Day) (fresnel.Period, error) {
	if from == "" && to == "" {
		return Relative(word, today)
	}
	if word != "" {
		return fresnel.Period{}, fresnel.Errorf(fresnel.Invalid, "give period, or from and to, not both")
	}
	if from == "" || to == "" {
		return fresnel.Period{}, fresnel.Errorf(fresnel.Invalid, "from and to go together")
	}
	f, err := fresnel.ParseDay(from)
	if err != nil {
		return fresnel.Period{}, err
	}
	t, err := fresnel.ParseDay(to)
	if err != nil {
		return fresnel.Period{}, err
	}
	p := fresnel.Period{From: f, To: t + 1}
	if p.Days() == 0 {
		return p, fresnel.Errorf(fresnel.Invalid, "from %s is after to %s", f, t)
	}
	if p.Days() > MaxDays {
		return p, fresnel.Errorf(fresnel.Invalid, "a period of %d days is too long: ask for at most %d", p.Days(), MaxDays)
	}
	return p, nil
}
