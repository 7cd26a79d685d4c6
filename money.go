package fresnel

import (
	"fmt"
	"math"
	"strings"
)

// Money is an exact amount in micro-units of one currency. Amounts of
// different currencies are never added.
type Money struct {
	Micros   int64
	Currency string // ISO 4217 code
}

// Decimal is the amount as exact decimal text with six places: "-12.345678".
func (m Money) Decimal() string {
	u := uint64(m.Micros)
	sign := ""
	if m.Micros < 0 {
		u, sign = -u, "-"
	}
	return fmt.Sprintf("%s%d.%06d", sign, u/1e6, u%1e6)
}

// Amount adds decimal numbers and rounds to micro-units once, at the end. Each
// number counts to its ninth decimal place: Azure's figures are floats whose
// digits beyond that are noise.
type Amount struct{ micros, nanos int64 }

// Add adds a decimal number as JSON writes it, exponents included.
// It fails with Invalid on text that is no number, or beyond ±9.2e12 units.
func (a *Amount) Add(text string) error {
	m, n, ok := parseNanos(text)
	if !ok {
		return Errorf(Invalid, "%.40q is not an amount", text)
	}
	if a.Plus(Amount{m, n}) != nil {
		return Errorf(Invalid, "amount %.40q is out of range", text)
	}
	return nil
}

// Plus adds another sum. It fails with Invalid beyond ±9.2e12 units.
func (a *Amount) Plus(b Amount) error {
	sum := a.micros + b.micros
	if (b.micros > 0) != (sum > a.micros) && b.micros != 0 {
		return Errorf(Invalid, "a sum of amounts is out of range")
	}
	a.micros, a.nanos = sum, a.nanos+b.nanos
	return nil
}

// Micros is the sum in micro-units, halves rounded away from zero.
func (a *Amount) Micros() int64 {
	m, n := a.micros+a.nanos/1000, a.nanos%1000
	// The remainder's sign may differ from the sum's: bring both to one side.
	if m > 0 && n < 0 {
		m, n = m-1, n+1000
	} else if m < 0 && n > 0 {
		m, n = m+1, n-1000
	}
	switch {
	case n >= 500:
		return m + 1
	case n <= -500:
		return m - 1
	}
	return m
}

// parseNanos splits a decimal number into micro-units and the nano-units left
// over, both with the number's sign.
func parseNanos(s string) (micros, nanos int64, ok bool) {
	neg := false
	if strings.HasPrefix(s, "-") {
		neg, s = true, s[1:]
	}
	mant, exp := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exp, ok = smallInt(s[i+1:]); !ok {
			return 0, 0, false
		}
		mant = s[:i]
	}
	whole, frac, _ := strings.Cut(mant, ".")
	digits := whole + frac
	if digits == "" || len(digits) > 64 || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, false
	}
	point := len(whole) + exp
	at := func(i int) int64 { // the digit worth 10^(point-1-i)
		if i < 0 || i >= len(digits) {
			return 0
		}
		return int64(digits[i] - '0')
	}
	for i := min(0, point); i < point+6; i++ {
		if micros > (math.MaxInt64-9)/10 {
			return 0, 0, false
		}
		micros = micros*10 + at(i)
	}
	nanos = at(point+6)*100 + at(point+7)*10 + at(point+8)
	if at(point+9) >= 5 {
		nanos++
	}
	if neg {
		micros, nanos = -micros, -nanos
	}
	return micros, nanos, true
}

// smallInt reads an exponent of at most three digits.
func smallInt(s string) (int, bool) {
	sign := 1
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" || len(s) > 3 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return sign * n, true
}
