package trivet

import (
	"net/http"

	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/notify"
)

// Endpoint is an address of the application's that is told of changes, signed by
// Standard Webhooks.
type Endpoint struct {
	// Name is what people call it; empty: the URL's host.
	Name string
	URL  string
	// Events are the types to send, of customer.state_changed, message.due and
	// alert.raised; none: all.
	Events []string
	// Secrets sign what is sent, each as "whsec_" and 24 to 64 bytes in base64: the
	// present one and, while it is being replaced, the one before.
	Secrets []string
	// AllowPrivate permits addresses of this machine and of private networks.
	AllowPrivate bool
	// Transport carries the requests; nil: the network, where private addresses are
	// refused.
	Transport http.RoundTripper
}

// hooks prepares what the application's endpoints are told.
func (s *Service) hooks(observe func(endpoint, event, result string), wake func(queue string)) (*hook.Hooks, error) {
	var endpoints []hook.Endpoint
	for _, e := range s.config.Endpoints {
		endpoints = append(endpoints, hook.Endpoint(e))
	}
	return hook.New(hook.Config{
		DB: s.db, Endpoints: endpoints, Alert: api.AlertDoc, Wake: wake, Log: s.log, Observe: observe, Version: s.config.Version,
	})
}

// handOver puts the application's own mailer before the channels of the same names.
func handOver(hooks *hook.Hooks, names []string, channels []notify.Channel) ([]notify.Channel, error) {
	var all []notify.Channel
	for _, name := range names {
		mailer, err := hooks.Mailer(name)
		if err != nil {
			return nil, err
		}
		all = append(all, mailer)
	}
	return append(all, channels...), nil
}
