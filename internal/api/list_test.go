package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/sim"
)

// TestEveryListIsPaged: every answer with data and next takes limit and after.
func TestEveryListIsPaged(t *testing.T) {
	w := newWorld(t, sqlite(t))
	lists := 0
	for path, item := range w.spec.doc["paths"].(map[string]any) {
		read, ok := item.(map[string]any)["get"].(map[string]any)
		if !ok || !isList(read) {
			continue
		}
		lists++
		names := map[string]bool{}
		for _, parameter := range read["parameters"].([]any) {
			names[parameter.(map[string]any)["name"].(string)] = true
		}
		if !names["limit"] || !names["after"] {
			t.Errorf("GET %s takes %v, not limit and after", path, names)
		}
	}
	if lists < 18 {
		t.Errorf("%d lists were found", lists)
	}
}

func isList(operation map[string]any) bool {
	answer := operation["responses"].(map[string]any)["200"].(map[string]any)
	content, _ := answer["content"].(map[string]any)
	media, ok := content["application/json"].(map[string]any)
	if !ok {
		return false
	}
	name, _ := media["schema"].(map[string]any)["$ref"].(string)
	return strings.HasPrefix(name, "#/components/schemas/Page")
}

// TestPagesMakeTheList: page by page comes what comes at once.
func TestPagesMakeTheList(t *testing.T) {
	w := newWorld(t, sqlite(t), func(c *trivet.Config) {
		for i := range 3 {
			c.Plans = append(c.Plans, billing.Plan{
				ID: fmt.Sprint("pack_", i), Features: []string{fmt.Sprint("feature_", i)}, Kind: billing.GrantCredits, Credits: 10,
			})
			c.Endpoints = append(c.Endpoints, trivet.Endpoint{
				Name: fmt.Sprint("end_", i), URL: "https://app.test/hook", Secrets: []string{"whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE="},
			})
		}
	})
	for i := range 3 {
		w.must("POST /v1/customers/user_1/credits/give", fmt.Sprintf(`{"plan":"pack_%d"}`, i))
		w.must("POST /v1/customers/user_1/grants", fmt.Sprintf(`{"feature":"export","reason":"%d"}`, i))
		w.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(fmt.Sprint(i))))
	}
	tests := map[string]int{
		"/v1/customers/user_1/entitlements": 9, "/v1/customers/user_1/grants": 3, "/v1/customers/user_1/credits": 3,
		"/v1/rejections": 3, "/v1/reconcile": 1, "/v1/hooks": 3,
	}
	for path, rows := range tests {
		t.Run(path, func(t *testing.T) {
			whole := w.must("GET "+path, "").field("data").([]any)
			if len(whole) != rows {
				t.Fatalf("%d rows, want %d: %v", len(whole), rows, whole)
			}
			var joined []any
			for after := ""; ; {
				r := w.must("GET "+path+"?limit=1&after="+after, "")
				data := r.field("data").([]any)
				if len(data) != 1 {
					t.Fatalf("a page has %d rows: %s", len(data), r.body)
				}
				joined = append(joined, data...)
				next, more := r.field("next").(string)
				if !more {
					break
				}
				after = next
			}
			for _, row := range append(append([]any{}, whole...), joined...) {
				delete(row.(map[string]any), "as_of") // when it was asked
			}
			if !reflect.DeepEqual(joined, whole) {
				t.Errorf("page by page %v, at once %v", joined, whole)
			}
			if r := w.do("GET "+path+"?after=Z29uZQ", ""); r.status != 422 || !strings.Contains(r.body, "none of ours") {
				t.Errorf("a cursor of another list: %d %s", r.status, r.body)
			}
		})
	}
}

// TestClientReadsListsToTheirEnd: what the client gives whole is whole, however
// many pages it is.
func TestClientReadsListsToTheirEnd(t *testing.T) {
	const plans = 250 // each gives a feature of its own name
	w := newWorld(t, sqlite(t), func(c *trivet.Config) {
		c.Plans = nil
		for i := range plans {
			c.Plans = append(c.Plans, billing.Plan{ID: fmt.Sprint("plan_", i)})
		}
	})
	w.must("PUT /v1/customers/user_1", `{}`)
	c := client.With("http://trivet.test/", apiKey, &http.Client{Transport: sim.Transport(w.Handler())})
	all, err := c.Entitlements(t.Context(), "user_1")
	if err != nil || len(all.Data) != plans || all.Next != nil {
		t.Errorf("%d answers, next %v, %v; want %d", len(all.Data), all.Next, err, plans)
	}
}
