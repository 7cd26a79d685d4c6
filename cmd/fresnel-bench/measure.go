package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// cpuTime is what this process has used of the processors, in user and system
// mode, its garbage collector included.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spent is what a piece of work took.
type spent struct{ wall, cpu time.Duration }

func measure(do func() error) (spent, error) {
	wall, cpu := time.Now(), cpuTime()
	err := do()
	return spent{time.Since(wall), cpuTime() - cpu}, err
}

// per divides by a number of pieces.
func (s spent) per(n int) spent { return spent{s.wall / time.Duration(n), s.cpu / time.Duration(n)} }

func median[T ~int64 | ~float64](of []T) T {
	if len(of) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(of))
	return s[len(s)/2]
}

// quantile of a sorted list.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.3g ms", float64(d)/1e6) }

func us(d time.Duration) string { return fmt.Sprintf("%.1f us", float64(d)/1e3) }

// atMost compares a ratio with the most that it should be.
func atMost(got, goal float64) string {
	if got <= goal {
		return fmt.Sprintf("%.2fx  (goal at most %.2fx: met)", got, goal)
	}
	return fmt.Sprintf("%.2fx  (goal at most %.2fx: MISSED)", got, goal)
}

// atLeast compares a ratio with the least that it should be.
func atLeast(got, goal float64) string {
	if got >= goal {
		return fmt.Sprintf("%.2fx  (goal at least %.2fx: met)", got, goal)
	}
	return fmt.Sprintf("%.2fx  (goal at least %.2fx: MISSED)", got, goal)
}
