package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// RequestRecent asks for a look now at what may have changed lately: events that
// were not delivered, the newest objects, and those that were expected to change. An empty account
// means all.
func (r *Reconciler) RequestRecent(ctx context.Context, account string) (accounts []string, err error) {
	var wants []store.Want
	for name, driver := range r.Apply.Drivers {
		if account != "" && account != name {
			continue
		}
		accounts = append(accounts, name)
		wants = append(wants, store.Want{Queue: store.QueueTask, Key: "revisit/" + name, Cause: string(apply.Request)})
		if _, lists := driver.(provider.EventLister); lists && !slices.Contains(r.NoPull, name) {
			wants = append(wants, store.Want{Queue: store.QueueTask, Key: "pull/" + name, Cause: string(apply.Request)})
		}
		if _, lists := driver.(provider.RecentLister); lists {
			wants = append(wants, store.Want{Queue: store.QueueTask, Key: "recent/" + name, Cause: string(apply.Request)})
		}
	}
	if len(wants) == 0 {
		return nil, fmt.Errorf("no provider account %q is configured", account)
	}
	slices.Sort(accounts)
	return accounts, r.raise(ctx, wants...)
}
