package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestCustomersMigrate: it goes on until there is nobody left, shows each once, and
// says how to go on when it is cut short.
func TestCustomersMigrate(t *testing.T) {
	moved := func(customer, state string, more map[string]any) map[string]any {
		row := map[string]any{"customer": customer, "plan": "pro", "subscription": "sub_" + customer + "@stripe", "until": "2027-01-31T00:00:00Z", "grant": "gr_" + customer, "state": state}
		for name, value := range more {
			row[name] = value
		}
		return row
	}
	service := func(_ string, body map[string]any) (int, any) {
		switch body["after"] {
		case nil:
			return 200, map[string]any{"moves": []any{moved("a", "given", nil), moved("b", "stands", map[string]any{"canceling": true})}, "next": "two"}
		case "two":
			return 200, map[string]any{"moves": []any{moved("b", "stands", map[string]any{"canceling": true}), moved("c", "given", map[string]any{"effect": "ef_7"})}}
		}
		return http.StatusInternalServerError, nil
	}
	requests, code, out := asked(t, service, "customers", "migrate", "--from", "stripe", "--until", "2027-01-31", "--cancel", "--reason", "we leave")
	if code != 0 || len(requests) != 2 || requests[0] != `POST /v1/migrations {"cancel":true,"from":"stripe","reason":"we leave","until":"2027-01-31T00:00:00Z"}` {
		t.Errorf("%d %q\n%s", code, requests, out)
	}
	for want, times := range map[string]int{"sub_b@stripe": 1, "2 grants were given": 1, "1 stood already": 1, "is canceled by ef_7": 1, "goes on": 1, "ends": 1} {
		if strings.Count(out, want) != times {
			t.Errorf("it says %q %d times:\n%s", want, strings.Count(out, want), out)
		}
	}
	cut := func(path string, body map[string]any) (int, any) {
		if body["after"] != nil {
			return http.StatusBadGateway, map[string]any{"status": 502, "code": "provider", "detail": "stripe is away."}
		}
		return service(path, body)
	}
	if _, code, out := asked(t, cut, "customers", "migrate", "--from", "stripe", "--grace", "14d"); code != 1 || !strings.Contains(out, "2 customers are seen to") || !strings.Contains(out, "stripe is away.") {
		t.Errorf("%d %s", code, out)
	}
	if requests, code, out := asked(t, service, "customers", "migrate", "--from", "stripe", "--undo", "--dry-run", "--json"); code != 0 || !strings.HasPrefix(requests[0], `POST /v1/migrations {"dry_run":true,"from":"stripe","undo":true}`) || !strings.Contains(out, `"customer": "c"`) {
		t.Errorf("%d %q %s", code, requests, out)
	}
	none := func(string, map[string]any) (int, any) { return 200, map[string]any{"moves": []any{}} }
	if _, code, out := asked(t, none, "customers", "migrate", "--from", "stripe", "--grace", "14d"); code != 0 || !strings.Contains(out, "there is nobody to move") {
		t.Errorf("%d %s", code, out)
	}
	for _, args := range [][]string{{}, {"--from", "stripe"}, {"--from", "stripe", "--grace", "7d", "--until", "2027-01-31"}, {"--from", "stripe", "--until", "soon"}} {
		if requests, code, out := asked(t, none, append([]string{"customers", "migrate"}, args...)...); code != 2 || len(requests) > 0 {
			t.Errorf("%s: %d %q %s", fmt.Sprint(args), code, requests, out)
		}
	}
}
