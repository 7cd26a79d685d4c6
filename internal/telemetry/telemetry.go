// Package telemetry makes the logger and the metrics of the program.
//
// It decides how things are measured, not what: callers hand in what happened.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Logger writes to w as text or JSON, from a level on.
func Logger(w io.Writer, json bool, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// Metrics are the program's Prometheus metrics, in a registry of their own.
type Metrics struct {
	reg     *prometheus.Registry
	http    *prometheus.HistogramVec
	azure   *prometheus.HistogramVec
	cache   *prometheus.CounterVec
	runs    *prometheus.CounterVec
	runTime *prometheus.HistogramVec
	rows    *prometheus.CounterVec
	parts   *prometheus.CounterVec
}

// NewMetrics makes and registers the metrics. version labels fresnel_build_info.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		reg:     prometheus.NewRegistry(),
		http:    histogram("fresnel_http_request_duration_seconds", "Time to answer requests.", []float64{.001, .005, .02, .05, .1, .25, 1, 5}, "route", "status"),
		azure:   histogram("fresnel_azure_request_duration_seconds", "Time of HTTP attempts to Azure; status 0 had no answer.", []float64{.05, .1, .25, .5, 1, 2.5, 10, 60}, "api", "status"),
		runTime: histogram("fresnel_sync_run_duration_seconds", "Time of sync runs.", []float64{1, 5, 15, 60, 300, 1800, 7200}, "job", "status"),
		cache:   counter("fresnel_cache_requests_total", "Requests by what the cache did.", "outcome"),
		runs:    counter("fresnel_sync_runs_total", "Ended sync runs.", "job", "status"),
		rows:    counter("fresnel_sync_rows_total", "Rows of sync runs: read from Azure, written to the database.", "job", "what"),
		parts:   counter("fresnel_sync_parts_total", "Parts (subscriptions) of ended runs.", "job", "state"),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "fresnel_build_info", Help: "The running version.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.reg.MustRegister(m.http, m.azure, m.runTime, m.cache, m.runs, m.rows, m.parts, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Gauge registers a figure that is asked for when it is scraped.
func (m *Metrics) Gauge(name, help string, f func() float64) {
	m.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler { return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{}) }

// HTTP counts an answered request.
func (m *Metrics) HTTP(route string, status int, took time.Duration) {
	m.http.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Azure counts an attempt at an Azure API.
func (m *Metrics) Azure(api string, status int, took time.Duration) {
	m.azure.WithLabelValues(api, strconv.Itoa(status)).Observe(took.Seconds())
}

// Cache counts what the cache did with a request.
func (m *Metrics) Cache(outcome string) { m.cache.WithLabelValues(outcome).Inc() }

// Run counts an ended sync run.
func (m *Metrics) Run(job, status string, read, written int, took time.Duration) {
	m.runs.WithLabelValues(job, status).Inc()
	m.runTime.WithLabelValues(job, status).Observe(took.Seconds())
	m.rows.WithLabelValues(job, "read").Add(float64(read))
	m.rows.WithLabelValues(job, "written").Add(float64(written))
}

// Part counts parts of an ended run.
func (m *Metrics) Part(job, state string) { m.parts.WithLabelValues(job, state).Inc() }
