package ui

import (
	"strconv"
	"strings"
)

// Size of a sparkline's own coordinate system.
const (
	sparkWidth  = 120.0
	sparkHeight = 36.0
)

// sparkPaths returns the line and the area under it as SVG path data. The scale starts at zero, so that a flat
// series looks flat. With fewer than two points there is nothing to draw and both are empty.
func sparkPaths(values []float64) (line, area string) {
	if len(values) < 2 {
		return "", ""
	}
	low, high := 0.0, 0.0
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if high == low {
		high = low + 1
	}
	var b strings.Builder
	step := sparkWidth / float64(len(values)-1)
	for i, v := range values {
		if i > 0 {
			b.WriteByte('L')
		} else {
			b.WriteByte('M')
		}
		b.WriteString(coordinate(float64(i) * step))
		b.WriteByte(' ')
		b.WriteString(coordinate(2 + (sparkHeight-4)*(high-v)/(high-low)))
	}
	line = b.String()
	base := coordinate(sparkHeight)
	return line, line + "L" + coordinate(sparkWidth) + " " + base + "L0 " + base + "Z"
}

func coordinate(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}
