package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"fresnel/internal/app"
)

// What the process is asked before its memory is read; %d makes each its own
// for the cache. Pages look for anomalies over all services of all tenants,
// which is dearer than all the rest: they are told apart.
var (
	withoutAnomalies = []string{
		"/api/v1/costs/summary?from=2026-10-%02d&to=2026-11-19", "/api/v1/costs/trends?from=2025-11-%02d&to=2026-11-19",
		"/api/v1/costs/by-tenant?from=2025-11-%02d&to=2026-11-19", "/api/v1/costs/by-service?from=2026-10-%02d&to=2026-11-19",
		"/api/v1/costs/by-subscription?from=2026-10-%02d&to=2026-11-19", "/partials/cost-summary-card?from=2026-10-%02d&to=2026-11-19",
		"/partials/cost-breakdown?from=2025-11-%02d&to=2026-11-19",
	}
	withAnomalies = []string{"/?from=2026-10-%02d&to=2026-11-19", "/costs?from=2025-11-%02d&to=2026-11-19"}
)

// resident starts the whole program over a database in a process of its own,
// asks it everything several times, and tells how much memory that took at most.
func (b *bench) resident(database string, tenants int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(b.ctx, program, "-resident", database) //nolint:gosec // ourselves
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var without, with int64
	if _, err := fmt.Sscan(string(out), &without, &with); err != nil {
		return err
	}
	b.say("    resident at most, %d tenants, all asked:   without anomalies %d MB, goal at most %d MB: %s   with anomalies %d MB: %s",
		tenants, without>>20, memoryGoal>>20, verdict(without <= memoryGoal), with>>20, verdict(with <= memoryGoal))
	return nil
}

// beResident is that process.
func beResident(ctx context.Context, database string, out io.Writer) error {
	a, err := app.New(ctx, app.Config{
		Database: database, Listen: "127.0.0.1:0", NoSync: true, Months: 13, Workers: 4, Parallel: 4, IdleOver: 100, ComplianceTarget: 90, StaleDays: 90, SyncEvery: 4 * time.Hour,
		AzureAuthority: "https://login.invalid/", AzureResourceManager: "https://management.invalid", AzureGraph: "https://graph.invalid",
	}, app.Options{Now: func() time.Time { return asked.Add(time.Hour) }, Version: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the process ends
	s, err := serve(ctx, a.Handler())
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // as above
	for _, paths := range [][]string{withoutAnomalies, withAnomalies} {
		for i := range 3 {
			for _, p := range paths {
				if err := get(ctx, "http://"+s.addr+fmt.Sprintf(p, i+1)); err != nil {
					return err
				}
			}
		}
		most, err := residentBytes()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, most); err != nil {
			return err
		}
	}
	return nil
}

func get(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(url + " answers " + res.Status)
	}
	return nil
}

// residentBytes is the most memory of this process that ever was in RAM, by Linux.
func residentBytes() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}
