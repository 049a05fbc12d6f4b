package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// asked runs a command against a service that answers as it is told, and returns
// what it was asked, its exit code, and what it printed.
func asked(t *testing.T, answer func(path string, body map[string]any) (int, any), args ...string) (requests []string, code int, printed string) {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body) // a GET has none
		text, err := json.Marshal(body)
		if err != nil {
			t.Error(err)
		}
		requests = append(requests, r.Method+" "+r.URL.Path+" "+string(text))
		status, doc := answer(r.URL.Path, body)
		kind := "application/json"
		if status >= 300 {
			kind = "application/problem+json"
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(doc)
	}))
	defer service.Close()
	var out lines
	code = Main(t.Context(), Process{
		Args: args, Environ: []string{"TRIVET_URL=" + service.URL, "TRIVET_API_KEY=key"}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Now: time.Now,
	})
	return requests, code, out.String()
}

func lost(from, to int) (all []map[string]string) {
	for i := from; i < to; i++ {
		all = append(all, map[string]string{"subject": "invoice", "object": fmt.Sprintf("in_%d@stripe", i), "status": "paid"})
	}
	return all
}

// TestDriftBury: without --yes it only lists; with it, what the list named is
// confirmed, no more than a request takes at once.
func TestDriftBury(t *testing.T) {
	const pages = 5
	service := func(_ string, body map[string]any) (int, any) {
		if body["dry_run"] != true {
			objects := body["objects"].([]any)
			if objects[0].(map[string]any)["object"] == "in_200@stripe" {
				return 200, map[string]any{"buried": lost(200, 249), "present": []any{}, "failed": []map[string]string{{"subject": "invoice", "object": "in_249@stripe", "error": "Nobody answers."}}}
			}
			return 200, map[string]any{"buried": lost(0, 199), "present": lost(199, 200), "failed": []any{}}
		}
		page := 0
		if after, ok := body["after"].(string); ok && after != "" {
			if _, err := fmt.Sscanf(after, "page%d", &page); err != nil {
				t.Error(err)
			}
		}
		answer := map[string]any{"looked": 60, "absent": append(lost(50*page, 50*page+50), map[string]string{"subject": "refund", "object": fmt.Sprintf("re_%d@stripe", page)})}
		if page+1 < pages {
			answer["next"] = fmt.Sprintf("page%d", page+1)
		}
		return 200, answer
	}
	requests, code, out := asked(t, service, "drift", "bury", "--provider", "stripe")
	if code != 0 || len(requests) != pages || !strings.Contains(out, "255 objects would be buried; --yes buries them") || strings.Contains(strings.Join(requests, " "), "objects") {
		t.Errorf("%d %q\n%s", code, requests, out)
	}
	requests, code, out = asked(t, service, "drift", "bury", "--provider", "stripe", "--kind", "invoice", "--yes")
	if code != 1 || len(requests) != pages+2 {
		t.Errorf("%d %q", code, requests)
	}
	if strings.Contains(strings.Join(requests[pages:], " "), "re_") {
		t.Error("another kind was confirmed")
	}
	for _, want := range []string{"248 objects are buried", "there after all: invoice in_199@stripe", "kept: invoice in_249@stripe: Nobody answers.", "1 objects could not be looked at"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	nobody := func(string, map[string]any) (int, any) {
		return http.StatusConflict, map[string]any{"status": 409, "code": "unproven", "detail": "The key may be another's."}
	}
	if _, code, out := asked(t, nobody, "drift", "bury", "--provider", "stripe", "--yes"); code != 1 || !strings.Contains(out, "The key may be another's.") {
		t.Errorf("%d %s", code, out)
	}
	if _, code, _ := asked(t, nobody, "drift", "bury"); code != 2 {
		t.Errorf("without a provider: %d", code)
	}
	none := func(string, map[string]any) (int, any) { return 200, map[string]any{"absent": []any{}} }
	if _, code, out := asked(t, none, "drift", "bury", "--provider", "stripe", "--yes"); code != 0 || !slices.Contains(strings.Split(out, "\n"), "nothing was buried") {
		t.Errorf("%d %s", code, out)
	}
}

// TestOpenDriftIsWrong: what a cron job runs to know whether all is well must say so
// by its exit code, wherever in the list the open finding is.
func TestOpenDriftIsWrong(t *testing.T) {
	row := func(state string) map[string]any {
		return map[string]any{"id": "dr_1", "provider": "stripe", "kind": "unlinked", "subject": "subscription", "object": "sub_1@stripe", "state": state}
	}
	page := func(next any, rows ...any) map[string]any {
		return map[string]any{"data": append([]any{}, rows...), "next": next}
	}
	tests := map[string]struct {
		pages []map[string]any
		args  []string
		code  int
	}{
		"none":            {[]map[string]any{page(nil)}, []string{"drift"}, exitGood},
		"healed":          {[]map[string]any{page(nil, row("healed"))}, []string{"drift", "list"}, exitGood},
		"open":            {[]map[string]any{page(nil, row("open"))}, []string{"drift", "list"}, exitWrong},
		"open, as JSON":   {[]map[string]any{page(nil, row("open"))}, []string{"drift", "list", "--json"}, exitWrong},
		"on another page": {[]map[string]any{page("next", row("healed")), page(nil, row("open"))}, []string{"drift"}, exitWrong},
		"on no page":      {[]map[string]any{page("next", row("healed")), page(nil)}, []string{"drift"}, exitGood},
		"not asked for":   {[]map[string]any{page("next", row("healed"))}, []string{"drift", "--state", "healed"}, exitGood},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := -1
			requests, code, out := asked(t, func(string, map[string]any) (int, any) { n++; return http.StatusOK, tt.pages[n] }, tt.args...)
			if code != tt.code || len(requests) != len(tt.pages) || !strings.Contains(out, "dr_1") && name != "none" {
				t.Errorf("%d after %q, want %d: %s", code, requests, tt.code, out)
			}
		})
	}
}

// TestReconcileTellsWhatIsLeft: once everything was compared, what is still open is
// what nothing mends by itself.
func TestReconcileTellsWhatIsLeft(t *testing.T) {
	swept := map[string]any{"provider": "stripe", "last": map[string]any{"objects": 3, "pages": 1, "finished_at": "2026-03-01T12:00:01Z"}}
	for _, left := range []int{0, 1} {
		service := func(path string, body map[string]any) (int, any) {
			switch {
			case path == "/v1/drift":
				return http.StatusOK, map[string]any{"data": make([]map[string]any, left), "next": nil}
			case body != nil:
				return http.StatusAccepted, map[string]any{"requested_at": "2026-03-01T12:00:00Z", "accounts": []string{"stripe"}}
			}
			return http.StatusOK, map[string]any{"data": []any{swept}, "next": nil}
		}
		for _, args := range [][]string{{"reconcile", "--wait"}, {"reconcile", "--wait", "--json"}} {
			requests, code, out := asked(t, service, args...)
			if code != left || len(requests) != 3 || !strings.Contains(out, "stripe") {
				t.Errorf("%q with %d open: %d after %q: %s", args, left, code, requests, out)
			}
		}
	}
}
