package page

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Unknown is the amount of money that was not measured. It is printed as "—", never as zero.
const Unknown int64 = math.MinInt64

// Dash is what stands for "not known".
const Dash = "—"

// minus is the true minus sign, U+2212.
const minus = "−"

// symbols of the currencies whose sign is unambiguous in English; the others are written by their code.
var symbols = map[string]string{
	"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "VND": "₫",
	"AUD": "A$", "CAD": "C$", "NZD": "NZ$", "HKD": "HK$", "SGD": "S$", "TWD": "NT$", "BRL": "R$", "MXN": "MX$",
}

// zeroDecimal currencies have no minor unit (ISO 4217).
var zeroDecimal = map[string]bool{"JPY": true, "KRW": true, "VND": true, "CLP": true, "ISK": true}

// Symbol is what stands before an amount: "$" for USD, "CHF " with a no-break space for a currency written by its code.
func Symbol(currency string) string {
	if s, ok := symbols[currency]; ok {
		return s
	}
	if currency == "" {
		return ""
	}
	return currency + "\u00a0"
}

// Money writes an amount of micro-units (a millionth of the currency's unit): symbol, thousands separators, true
// minus, and cents, or whole units when whole is set. Halves are rounded away from zero.
func Money(micros int64, currency string, whole bool) string {
	if micros == Unknown {
		return Dash
	}
	decimals := 2
	if whole || zeroDecimal[currency] {
		decimals = 0
	}
	unit := uint64(1_000_000)
	if decimals == 2 {
		unit = 10_000
	}
	sign, abs := split(micros)
	rounded := (abs + unit/2) / unit
	if rounded == 0 {
		sign = ""
	}
	if decimals == 0 {
		return sign + Symbol(currency) + group(rounded)
	}
	cents := strconv.FormatUint(rounded%100, 10)
	if len(cents) < 2 {
		cents = "0" + cents
	}
	return sign + Symbol(currency) + group(rounded/100) + "." + cents
}

// SignedMoney is Money with a plus sign before an amount above zero.
func SignedMoney(micros int64, currency string, whole bool) string {
	s := Money(micros, currency, whole)
	if micros > 0 {
		return "+" + s
	}
	return s
}

// Count writes a number with thousands separators: 2,143.
func Count(n int) string {
	sign, abs := split(int64(n))
	return sign + group(abs)
}

// Percent writes part of whole with one decimal, "33.6%", or "—" when the whole is zero or either is Unknown.
func Percent(part, whole int64) string {
	if whole == 0 || part == Unknown || whole == Unknown {
		return Dash
	}
	return percentText(float64(part) / float64(whole) * 100)
}

// Delta is a change as a card prints it. Rise is 1, 0 or -1: for money a rise is bad news and a fall good news.
type Delta struct {
	Text string // "+6.2%", "new", "+$3.20", "—"
	Rise int
}

// changeBase is the base under which a percentage would only shout: 10 units of the currency.
const changeBase = 10_000_000

// Change compares an amount with the one before, both in micro-units: a signed percentage with one decimal, the
// absolute change under a base of 10 units, "new" when there was nothing before, "—" when either is Unknown.
func Change(now, before int64, currency string) Delta {
	switch {
	case now == Unknown || before == Unknown:
		return Delta{Text: Dash}
	case now == before:
		return Delta{Text: "0.0%"}
	case before == 0:
		return Delta{Text: "new", Rise: direction(now)}
	case before < changeBase && before > -changeBase:
		return Delta{Text: SignedMoney(now-before, currency, false), Rise: direction(now - before)}
	}
	pct := float64(now-before) / math.Abs(float64(before)) * 100
	text := percentText(pct)
	if text == "0.0%" {
		return Delta{Text: text}
	}
	if pct > 0 {
		text = "+" + text
	}
	return Delta{Text: text, Rise: direction(now - before)}
}

// ShortChange is Change's text for a label in a chart: a percentage without decimals.
func ShortChange(now, before int64, currency string) string {
	if now == Unknown || before == Unknown || before < changeBase {
		return Change(now, before, currency).Text
	}
	pct := int64(math.Round(float64(now-before) / float64(before) * 100))
	if pct < 0 {
		return minus + group(uint64(-pct)) + "%"
	}
	return "+" + group(uint64(pct)) + "%"
}

// Days writes an inclusive range of UTC days: "22 Nov 2026", "1–22 Nov 2026", "28 Oct – 22 Nov 2026",
// "28 Dec 2025 – 3 Jan 2026".
func Days(from, to time.Time) string {
	from, to = from.UTC(), to.UTC()
	switch {
	case from.Year() != to.Year():
		return from.Format("2 Jan 2006") + " – " + to.Format("2 Jan 2006")
	case from.Month() != to.Month():
		return from.Format("2 Jan") + " – " + to.Format("2 Jan 2006")
	case from.Day() != to.Day():
		return from.Format("2") + "–" + to.Format("2 Jan 2006")
	}
	return to.Format("2 Jan 2006")
}

// ShortDays is Days without the year, for a card beside a heading that names it: "1–22 Oct".
func ShortDays(from, to time.Time) string {
	if from.UTC().Year() != to.UTC().Year() {
		return Days(from, to)
	}
	s := Days(from, to)
	return s[:len(s)-len(" 2006")]
}

// ISODay is a day as queries and date fields write it: 2026-11-22.
func ISODay(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Ago writes how long ago t was, relative up to 48 hours: "just now", "14 min ago", "30 h ago", then "20 Nov".
func Ago(now, t time.Time) string {
	age := Age(now, t)
	if age == "just now" || age == Dash || !recent(now, t) {
		return age
	}
	return age + " ago"
}

// Age writes how old t is: "just now", "14 min", "30 h", then, after 48 hours, its date: "20 Nov", "20 Nov 2025".
func Age(now, t time.Time) string {
	if t.IsZero() {
		return Dash
	}
	d := now.Sub(t)
	switch {
	case d < time.Minute: // a clock a little ahead of ours is "now" as well
		return "just now"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case recent(now, t):
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case now.UTC().Year() == t.UTC().Year():
		return t.UTC().Format("2 Jan")
	}
	return t.UTC().Format("2 Jan 2006")
}

// Stamp writes an exact minute: "21 Nov 08:30 UTC".
func Stamp(t time.Time) string { return t.UTC().Format("2 Jan 15:04 UTC") }

// Clock writes a time of day: "14:31:02" on the day of now, with its date before on another day.
func Clock(now, t time.Time) string {
	if t.IsZero() {
		return Dash
	}
	if ISODay(now) == ISODay(t) {
		return t.UTC().Format("15:04:05")
	}
	return t.UTC().Format("2 Jan 15:04")
}

// Plural writes a count and its noun: "1 tenant", "6 tenants".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// recent is true up to and including the 48th hour.
func recent(now, t time.Time) bool { return now.Sub(t) < 49*time.Hour }

// Old writes how old something is that was read at t: "30 h old", then "last read 20 Nov".
func Old(now, t time.Time) string {
	if recent(now, t) {
		return Age(now, t) + " old"
	}
	return "last read " + Age(now, t)
}

func percentText(pct float64) string {
	tenths := int64(math.Round(math.Abs(pct) * 10))
	s := group(uint64(tenths/10)) + "." + strconv.FormatInt(tenths%10, 10) + "%"
	if pct < 0 && tenths > 0 {
		return minus + s
	}
	return s
}

func direction(n int64) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

func split(n int64) (sign string, abs uint64) {
	if n < 0 {
		return minus, uint64(-n)
	}
	return "", uint64(n)
}

func group(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Signed writes a number with its sign: "+114", "−3", "0".
func Signed(n int) string {
	if n > 0 {
		return "+" + Count(n)
	}
	return Count(n)
}

// Clip bounds a text to so many letters.
func Clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
