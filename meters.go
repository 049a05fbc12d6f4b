package trivet

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
)

// meters are the service's metrics.
type meters struct {
	webhooks *prometheus.CounterVec
	looks    *prometheus.CounterVec
	work     *prometheus.HistogramVec
	failures *prometheus.CounterVec
	hooks    *prometheus.CounterVec
}

func newMeters(registry *prometheus.Registry, db *store.DB, log *slog.Logger) *meters {
	m := &meters{
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trivet_webhooks_total", Help: "Webhooks by how they ended: stored, duplicate, failed, or why they were rejected.",
		}, []string{"account", "result"}),
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trivet_looks_total", Help: "Looks at provider objects by trigger, and whether the ledger was different.",
		}, []string{"trigger", "changed"}),
		work: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "trivet_work_seconds", Help: "How long rows of work took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"queue"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trivet_work_failures_total", Help: "Attempts at rows of work that failed.",
		}, []string{"queue"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trivet_hooks_total", Help: "Webhooks to the application's endpoints by how they ended: delivered, failed, or not sent to one that is disabled.",
		}, []string{"endpoint", "event", "result"}),
	}
	registry.MustRegister(m.webhooks, m.looks, m.work, m.failures, m.hooks, &ledger{db: db, log: log})
	return m
}

func (m *meters) delivered(account, result string) { m.webhooks.WithLabelValues(account, result).Inc() }

func (m *meters) hooked(endpoint, event, result string) {
	m.hooks.WithLabelValues(endpoint, event, result).Inc()
}

func (m *meters) seen(trigger apply.Trigger, changed bool) {
	m.looks.WithLabelValues(string(trigger), strconv.FormatBool(changed)).Inc()
}

func (m *meters) worked(queue string, took time.Duration, err error) {
	m.work.WithLabelValues(queue).Observe(took.Seconds())
	if err != nil {
		m.failures.WithLabelValues(queue).Inc()
	}
}

// ledger counts rows of the database when it is asked.
type ledger struct {
	db  *store.DB
	log *slog.Logger
}

// The gauges that are counted from the database.
var (
	eventsGauge  = prometheus.NewDesc("trivet_events", "Events in the inbox by state.", []string{"state"}, nil)
	workGauge    = prometheus.NewDesc("trivet_work", "Rows of work by queue and state.", []string{"queue", "state"}, nil)
	driftGauge   = prometheus.NewDesc("trivet_drift", "Findings of reconciliation by state.", []string{"state"}, nil)
	effectsGauge = prometheus.NewDesc("trivet_effects", "Effects by state.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (l *ledger) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{eventsGauge, workGauge, driftGauge, effectsGauge} {
		out <- d
	}
}

// patience is how long counting may take; a scrape must not hang.
const patience = 5 * time.Second

// Collect implements prometheus.Collector.
func (l *ledger) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience) //nolint:forbidigo // the interface has no context
	defer cancel()
	for desc, count := range map[*prometheus.Desc]func(context.Context) (map[string]int64, error){
		eventsGauge: l.db.EventCounts, driftGauge: l.db.DriftCounts, effectsGauge: l.db.EffectCounts,
	} {
		rows, err := count(ctx)
		if err != nil {
			l.log.Warn("cannot count rows for the metrics", "error", err)
			continue
		}
		for state, n := range rows {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), state)
		}
	}
	rows, err := l.db.WorkCounts(ctx)
	if err != nil {
		l.log.Warn("cannot count work for the metrics", "error", err)
	}
	for name, n := range rows {
		out <- prometheus.MustNewConstMetric(workGauge, prometheus.GaugeValue, float64(n), name[0], name[1])
	}
}
