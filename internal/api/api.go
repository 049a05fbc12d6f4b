package api

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/link"
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
	Links     *link.Links
	Hooks     *hook.Hooks
	// Keys open the whole API, NamedKeys what their scopes say of it; with neither it is
	// closed.
	Keys      []string
	NamedKeys []Key
	Metrics   *prometheus.Registry
	Version   string
	// Wake is told that a queue has work.
	Wake func(queue string)
	Log  *slog.Logger
}

// server answers requests.
type server struct {
	Config
	keys keyring
	// needs are the scopes of the routes under /v1, by "METHOD /path".
	needs map[string]scope.Scope
	// front has all routes, rest those under /v1, which need a key; inside has what
	// watches the service, for whoever can reach it.
	front, rest, inside *http.ServeMux
	huma                huma.API
	features            *features
}

// New makes the handler of all routes, and one of what watches the service, which
// asks for no key: nobody but the operator must be able to reach that.
func New(config Config) (front, inside http.Handler) {
	s := &server{
		Config: config, keys: newKeyring(config.Keys, config.NamedKeys), needs: map[string]scope.Scope{}, features: newFeatures(config.Apply.Catalog.Features()),
		front: http.NewServeMux(), rest: http.NewServeMux(), inside: http.NewServeMux(),
	}
	s.huma = humago.New(s.rest, described(config.Version))
	s.operations()
	s.rest.HandleFunc("/", s.unknown(s.rest))

	metrics := promhttp.HandlerFor(config.Metrics, promhttp.HandlerOpts{})
	s.front.Handle("POST /webhooks/{account}", config.Webhooks)
	s.front.Handle("GET /return/{account}", config.Redirect)
	s.front.Handle("GET /go/{token}", config.Links)
	s.front.Handle("POST /go/{token}", config.Links)
	s.front.HandleFunc("GET /go/done", config.Links.Done)
	s.front.HandleFunc("GET /metrics", s.keyed(scope.Read, metrics))
	s.front.HandleFunc("GET /healthz", s.healthz)
	s.front.HandleFunc("GET /readyz", s.readyz)
	s.front.HandleFunc("GET /openapi.json", s.openapi())
	s.front.HandleFunc("GET /docs", s.docs())
	s.front.HandleFunc("/v1/", s.admit)
	s.front.HandleFunc("/", s.unknown(s.front))

	s.inside.Handle("GET /metrics", metrics)
	s.inside.HandleFunc("GET /healthz", s.healthz)
	s.inside.HandleFunc("GET /readyz", s.readiness)
	s.inside.HandleFunc("/", s.unknown(s.inside))
	return s.safe(s.front), s.safe(s.inside)
}

// operations registers everything under /v1.
func (s *server) operations() {
	s.checkOperations()
	s.customerOperations()
	s.grantOperations()
	s.creditOperations()
	s.migrateOperations()
	s.checkoutOperations()
	s.subscriptionOperations()
	s.paymentOperations()
	s.disputeOperations()
	s.effectOperations()
	s.proposalOperations()
	s.modeOperations()
	s.banOperations()
	s.messageOperations()
	s.noticeOperations()
	s.alertOperations()
	s.hookOperations()
	s.eventOperations()
	s.replayOperations()
	s.driftOperations()
	s.buryOperations()
	s.reconcileOperations()
	s.unlinkedOperations()
	s.statsOperations()
}

// safe answers a panic with a problem.
func (s *server) safe(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
				panic(p)
			}
			if p != nil {
				s.broken(r, p).write(w)
			}
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	}
}

// methods are those that any route has.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

// unknown answers what no route of a mux matches: there is no such path, or it
// takes another method.
func (s *server) unknown(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			probe := r.Clone(r.Context())
			probe.Method = method
			if _, pattern := mux.Handler(probe); pattern != "/" && pattern != "/v1/" {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			problemf(http.StatusNotFound, "no_such_path", "There is nothing at this path: see /docs for what there is.").write(w)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problemf(http.StatusMethodNotAllowed, "wrong_method", "This path takes %s.", strings.Join(allowed, " and ")).write(w)
	}
}
