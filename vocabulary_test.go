package fresnel_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"fresnel"
)

func TestAmountRoundsOnceHalvesAwayFromZero(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "12.3456789": 12345679, "0.0000005": 1, "-0.0000005": -1, "0.0000004": 0, "0.000000499": 0,
		"1e2": 100_000_000, "1.5E-3": 1500, "-1.2345675e1": -12345675, "9000000000": 9_000_000_000_000_000, "123456789012.1": 123_456_789_012_100_000,
	} {
		var a fresnel.Amount
		if err := a.Add(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := a.Micros(); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	for _, text := range []string{"", "-", "x", "1,5", "NaN", "Infinity", "1e", "1e9999", "0x10", "99999999999999999999", " 1", "1 ", "--1", "1.2.3"} {
		var a fresnel.Amount
		if err := a.Add(text); fresnel.KindOf(err) != fresnel.Invalid {
			t.Errorf("%q: %v, want Invalid", text, err)
		}
	}
}

func TestAmountsAddBeforeRounding(t *testing.T) {
	var a fresnel.Amount
	for range 10 {
		if err := a.Add("0.0000001"); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Add("-0.0000003"); err != nil {
		t.Fatal(err)
	}
	if a.Micros() != 1 {
		t.Errorf("10 x 0.1 - 0.3 micros = %d, want 1 (0.7 rounded)", a.Micros())
	}
}

// FuzzAmount compares with exact rational arithmetic.
func FuzzAmount(f *testing.F) {
	for _, s := range []string{"1.5", "-0.0000005", "1e-9", "123.4567895", "0.00000149999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var a fresnel.Amount
		if a.Add(s) != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q was taken for a number", s)
		}
		exact.Mul(exact, big.NewRat(1_000_000, 1))
		exact.Sub(exact, new(big.Rat).SetInt64(a.Micros()))
		// Half a micro-unit, and what rounding to the ninth place may add.
		if exact.Abs(exact).Cmp(big.NewRat(501, 1000)) > 0 {
			t.Fatalf("%q became %d micro-units", s, a.Micros())
		}
	})
}

func TestDecimal(t *testing.T) {
	for micros, want := range map[int64]string{0: "0.000000", 1: "0.000001", -12345678: "-12.345678", -9223372036854775808: "-9223372036854.775808"} {
		if got := (fresnel.Money{Micros: micros, Currency: "EUR"}).Decimal(); got != want {
			t.Errorf("%d: %s, want %s", micros, got, want)
		}
	}
}

func TestDays(t *testing.T) {
	if d := fresnel.DayOf(time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)); d != -1 {
		t.Errorf("the day before 1970 is %d, want -1", d)
	}
	local := time.FixedZone("x", 5*3600)
	if d := fresnel.DayOf(time.Date(2026, 11, 20, 2, 0, 0, 0, local)); d.String() != "2026-11-19" {
		t.Errorf("days are UTC: %s", d)
	}
	p := fresnel.Period{From: fresnel.Date(2026, 1, 15), To: fresnel.Date(2026, 3, 2)}
	var got []string
	for _, m := range p.Months() {
		got = append(got, m.String())
	}
	if s := strings.Join(got, " "); s != "2026-01-15..2026-01-31 2026-02-01..2026-02-28 2026-03-01..2026-03-01" {
		t.Errorf("months: %s", s)
	}
	for _, s := range []string{"2026-02-30", "26-1-1", "2026-11-1", "", "1969-01-01", "2026-11-01T00:00:00Z"} {
		if _, err := fresnel.ParseDay(s); fresnel.KindOf(err) != fresnel.Invalid {
			t.Errorf("%q is no day: %v", s, err)
		}
	}
}

func TestScopeNeverWidens(t *testing.T) {
	var none fresnel.Scope
	if none.Sees("a") || none.All() || len(none.Narrow("a").IDs()) != 0 {
		t.Error("the zero scope sees something")
	}
	two := fresnel.ScopeOf("b", "a", "b")
	if n := two.Narrow("c", "b"); n.Sees("c") || !n.Sees("b") || n.Sees("a") {
		t.Errorf("narrowed: %v", n.IDs())
	}
	if fresnel.AllTenants().Narrow("a").All() {
		t.Error("narrowing everything to one tenant left everything")
	}
	if two.Key() == fresnel.ScopeOf("a").Key() || none.Key() == fresnel.AllTenants().Key() {
		t.Error("two scopes share a cache key")
	}
}

func TestFindTenants(t *testing.T) {
	visible := []fresnel.Tenant{{ID: "11111111-1111-4111-8111-111111111111", Name: "Søren & Co. GmbH"}, {ID: "22222222-2222-4222-8222-222222222222", Name: "<b>"}}
	got, err := fresnel.FindTenants(visible, []string{"s-ren-co-gmbh", "22222222-2222-4222-8222-22222222222" + "2", "B"})
	if err != nil || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
	for _, w := range []string{"", "33333333-3333-4333-8333-333333333333", "nobody"} {
		if _, err := fresnel.FindTenants(visible, []string{w}); fresnel.KindOf(err) != fresnel.NotFound {
			t.Errorf("%q: %v, want NotFound", w, err)
		}
	}
}
