package ui

import "time"

// Kind is the tone of a pill or a notice. The word beside it carries the meaning; the colour only helps.
type Kind string

// The five kinds of pill; a notice uses Info, Warn and Bad.
const (
	OK   Kind = "ok"
	Warn Kind = "warn"
	Bad  Kind = "bad"
	Info Kind = "info"
	Mute Kind = "mute"
)

func kindIcon(k Kind) string {
	switch k {
	case OK:
		return "circle-check"
	case Warn:
		return "triangle-alert"
	case Bad:
		return "circle-x"
	case Info:
		return "info"
	default:
		return "minus"
	}
}

// Choice is one link of a segmented control, a menu or a navigation.
type Choice struct {
	Label   string
	URL     string
	Current bool
}

// RFC3339 is a time as <time datetime> and titles write it: UTC, to the second.
func RFC3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// exact is a time as a tooltip says it.
func exact(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05 UTC") }

// dotClass names the colour class of a chart series; anything outside 1 to 6 is "Other".
func dotClass(slot int) string {
	if slot < 1 || slot > 6 {
		return "dot-0"
	}
	return "dot-" + string(rune('0'+slot))
}
