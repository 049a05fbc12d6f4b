package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/trivetdev/trivet/sim"
)

// api reads a simulated provider as raw JSON, without any code of its driver.
type api struct {
	client *http.Client
	base   string
	// header says who asks.
	header http.Header
}

// newAPI speaks to the API that a site serves at an address, with a key.
func newAPI(base string, site http.Handler, key string) api {
	return api{
		client: &http.Client{Transport: sim.Transport(site)}, base: base,
		header: http.Header{"Authorization": {"Bearer " + key}},
	}
}

// get reads one answer.
func (a api) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return err
	}
	req.Header = a.header.Clone()
	return a.do(req, into)
}

// do makes a call and reads its answer.
func (a api) do(req *http.Request, into any) error {
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("read %s: %w", req.URL.Path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("read %s: status %d", req.URL.Path, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", req.URL.Path, err)
	}
	return nil
}
