// Package api is the REST surface: parse, call, render.
package api

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
)

// Config is what the surface stands on.
type Config struct {
	DB        *store.DB
	Apply     *apply.Applier
	Outbox    *outbox.Outbox
	Redirect  *redirect.Redirect
	Reconcile *reconcile.Reconciler
	Webhooks  *webhook.Handler
	// Keys open the API; with none it is closed.
	Keys    []string
	Metrics *prometheus.Registry
	Version string
	// Wake is told that a queue has work.
	Wake func(queue string)
	Log  *slog.Logger
}

// New makes the handler of all routes.
func New(config Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{account}", config.Webhooks)
	mux.Handle("GET /return/{account}", config.Redirect)
	mux.Handle("GET /metrics", promhttp.HandlerFor(config.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}
