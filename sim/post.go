package sim

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Poster makes the function that a provider's Deliver wants out of an HTTP client.
func Poster(client *http.Client) func(*http.Request) (int, error) {
	return func(r *http.Request) (int, error) {
		resp, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		_ = resp.Body.Close()
		return resp.StatusCode, nil
	}
}

// senders is how many webhooks Post has under way at once: no provider waits for
// one before it sends the next.
const senders = 4

// Post delivers by HTTP in real time until ctx ends: for an interactive demo, whose
// clock somebody else moves. A nil client means [http.DefaultClient].
func Post(ctx context.Context, client *http.Client, deliver func(context.Context, func(*http.Request) (int, error)) int) error {
	if client == nil {
		client = http.DefaultClient
	}
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				deliver(ctx, Poster(client))
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	group.Wait()
	return ctx.Err()
}
