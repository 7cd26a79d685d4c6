package page_test

import (
	"testing"
	"time"

	"fresnel/internal/web/page"
)

func TestMoney(t *testing.T) {
	tests := []struct {
		micros   int64
		currency string
		whole    bool
		want     string
	}{
		{184_212_004_999, "USD", false, "$184,212.00"},
		{184_212_005_000, "USD", false, "$184,212.01"},
		{184_212_500_000, "USD", true, "$184,213"},
		{-1_234_560_000, "EUR", false, "−€1,234.56"},
		{-4_000, "EUR", false, "€0.00"},
		{0, "GBP", true, "£0"},
		{999_999_999, "USD", false, "$1,000.00"},
		{1_500_000, "JPY", false, "¥2"},
		{12_340_000, "CHF", false, "CHF\u00a012.34"},
		{50_000, "USD", false, "$0.05"},
		{page.Unknown, "USD", false, "—"},
		{1_000_000_000_000_000_000, "USD", true, "$1,000,000,000,000"},
	}
	for _, tt := range tests {
		if got := page.Money(tt.micros, tt.currency, tt.whole); got != tt.want {
			t.Errorf("Money(%d, %q, %v) = %q, want %q", tt.micros, tt.currency, tt.whole, got, tt.want)
		}
	}
}

func TestShortChange(t *testing.T) {
	for _, tt := range []struct {
		now, before int64
		want        string
	}{
		{162_400_000, 100_000_000, "+62%"},
		{95_300_000, 100_000_000, "−5%"},
		{223_450_000_000, 10_000_000, "+2,234,400%"},
		{5_000_000, 0, "new"},
		{12_200_000, 9_000_000, "+$3.20"},
		{page.Unknown, 10_000_000, "—"},
	} {
		if got := page.ShortChange(tt.now, tt.before, "USD"); got != tt.want {
			t.Errorf("ShortChange(%d, %d) = %s, want %s", tt.now, tt.before, got, tt.want)
		}
	}
}

func TestChange(t *testing.T) {
	tests := []struct {
		now, before int64
		want        page.Delta
	}{
		{106_200_000, 100_000_000, page.Delta{Text: "+6.2%", Rise: 1}},
		{95_300_000, 100_000_000, page.Delta{Text: "−4.7%", Rise: -1}},
		{100_000_001, 100_000_000, page.Delta{Text: "0.0%"}},
		{100_000_000, 100_000_000, page.Delta{Text: "0.0%"}},
		{0, 0, page.Delta{Text: "0.0%"}},
		{5_000_000, 0, page.Delta{Text: "new", Rise: 1}},
		{12_200_000, 9_000_000, page.Delta{Text: "+$3.20", Rise: 1}},
		{1_000_000, 9_990_000, page.Delta{Text: "−$8.99", Rise: -1}},
		{20_000_000, 10_000_000, page.Delta{Text: "+100.0%", Rise: 1}},
		{-50_000_000, -100_000_000, page.Delta{Text: "+50.0%", Rise: 1}},
		{page.Unknown, 10_000_000, page.Delta{Text: "—"}},
		{10_000_000, page.Unknown, page.Delta{Text: "—"}},
		{223_450_000_000, 10_000_000, page.Delta{Text: "+2,234,400.0%", Rise: 1}},
	}
	for _, tt := range tests {
		if got := page.Change(tt.now, tt.before, "USD"); got != tt.want {
			t.Errorf("Change(%d, %d) = %+v, want %+v", tt.now, tt.before, got, tt.want)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		part, whole int64
		want        string
	}{{336, 1000, "33.6%"}, {1, 1, "100.0%"}, {-5, 100, "−5.0%"}, {0, 7, "0.0%"}, {1, 0, "—"}, {page.Unknown, 1, "—"}} {
		if got := page.Percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("Percent(%d, %d) = %q, want %q", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestDays(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		from, to    time.Time
		want, short string
	}{
		{day(2026, 11, 1), day(2026, 11, 22), "1–22 Nov 2026", "1–22 Nov"},
		{day(2026, 11, 22), day(2026, 11, 22), "22 Nov 2026", "22 Nov"},
		{day(2026, 10, 28), day(2026, 11, 22), "28 Oct – 22 Nov 2026", "28 Oct – 22 Nov"},
		{day(2025, 12, 28), day(2026, 1, 3), "28 Dec 2025 – 3 Jan 2026", "28 Dec 2025 – 3 Jan 2026"},
	} {
		if got := page.Days(tt.from, tt.to); got != tt.want {
			t.Errorf("Days = %q, want %q", got, tt.want)
		}
		if got := page.ShortDays(tt.from, tt.to); got != tt.short {
			t.Errorf("ShortDays = %q, want %q", got, tt.short)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 32, 0, 0, time.UTC)
	for _, tt := range []struct {
		t         time.Time
		ago, aged string
	}{
		{now.Add(time.Second), "just now", "just now"},
		{now.Add(-59 * time.Second), "just now", "just now"},
		{now.Add(-14 * time.Minute), "14 min ago", "14 min"},
		{now.Add(-60 * time.Minute), "1 h ago", "1 h"},
		{now.Add(-30 * time.Hour), "30 h ago", "30 h"},
		{now.Add(-48*time.Hour - time.Minute), "48 h ago", "48 h"},
		{now.Add(-49 * time.Hour), "20 Nov", "20 Nov"},
		{now.AddDate(-1, 0, 0), "22 Nov 2025", "22 Nov 2025"},
		{time.Time{}, "—", "—"},
	} {
		if got := page.Ago(now, tt.t); got != tt.ago {
			t.Errorf("Ago(%v) = %q, want %q", tt.t, got, tt.ago)
		}
		if got := page.Age(now, tt.t); got != tt.aged {
			t.Errorf("Age(%v) = %q, want %q", tt.t, got, tt.aged)
		}
	}
}
