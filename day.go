package fresnel

import "time"

// Day is a civil UTC date, counted in days since 1970-01-01.
type Day int32

const dayLayout = "2006-01-02"

// DayOf is the UTC day of an instant.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / 86400
	if s%86400 < 0 {
		d--
	}
	return Day(d)
}

// Date is the day of a year, month and day of the month.
func Date(y int, m time.Month, d int) Day {
	return DayOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
}

// ParseDay reads yyyy-mm-dd between 1970 and 2200. It fails with Invalid.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dayLayout, s)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0, Errorf(Invalid, "%.40q is not a date: expected yyyy-mm-dd, for example 2026-11-01", s)
	}
	return DayOf(t), nil
}

// Time is the instant at which the day begins.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String is the day as yyyy-mm-dd.
func (d Day) String() string { return d.Time().Format(dayLayout) }

// MonthStart is the first day of the day's month.
func (d Day) MonthStart() Day {
	t := d.Time()
	return Date(t.Year(), t.Month(), 1)
}

// AddMonths is the first day of the month n months after the day's month.
func (d Day) AddMonths(n int) Day {
	t := d.Time()
	return Date(t.Year(), t.Month()+time.Month(n), 1)
}

// Period is a half-open range of days: From is in it, To is not.
type Period struct{ From, To Day }

// Days is the length of the period, 0 if it is empty or reversed.
func (p Period) Days() int { return max(0, int(p.To-p.From)) }

// Contains tells whether the day lies within the period.
func (p Period) Contains(d Day) bool { return d >= p.From && d < p.To }

// Intersect is the part that two periods share.
func (p Period) Intersect(q Period) Period {
	r := Period{max(p.From, q.From), min(p.To, q.To)}
	r.To = max(r.To, r.From)
	return r
}

// WholeMonths tells whether the period begins and ends with a month.
func (p Period) WholeMonths() bool {
	return p.From == p.From.MonthStart() && p.To == p.To.MonthStart()
}

// Whole is the period made longer to begin and end with a month.
func (p Period) Whole() Period {
	if p.Days() == 0 {
		return p
	}
	return Period{p.From.MonthStart(), (p.To - 1).AddMonths(1)}
}

// Months lists the pieces of the period, each within one calendar month.
func (p Period) Months() []Period {
	var ms []Period
	for m := p.From.MonthStart(); m < p.To; m = m.AddMonths(1) {
		ms = append(ms, Period{m, m.AddMonths(1)}.Intersect(p))
	}
	return ms
}

// String is the period with its last day inclusive.
func (p Period) String() string { return p.From.String() + ".." + (p.To - 1).String() }
