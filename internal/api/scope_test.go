package api_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
)

// routes are the scopes of all routes that need another than read.
var routes = map[string]scope.Scope{
	"GET /v1/check": scope.Check,

	"PUT /v1/customers/{ref}":                       scope.Write,
	"POST /v1/customers/{ref}/grants":               scope.Write,
	"DELETE /v1/customers/{ref}/grants/{id}":        scope.Write,
	"POST /v1/customers/{ref}/notices/{id}/dismiss": scope.Write,
	"POST /v1/checkouts":                            scope.Write,
	"POST /v1/customers/{ref}/credits/consume":      scope.Write,
	"POST /v1/subscriptions/{id}/cancel":            scope.Write,
	"POST /v1/subscriptions/{id}/pause":             scope.Write,
	"POST /v1/subscriptions/{id}/resume":            scope.Write,
	"POST /v1/reconcile":                            scope.Write,

	"POST /v1/customers/{ref}/ban":          scope.Money,
	"DELETE /v1/customers/{ref}/ban":        scope.Money,
	"POST /v1/customers/{ref}/credits/give": scope.Money,
	"POST /v1/payments/{id}/refund":         scope.Money,
	"POST /v1/proposals/{id}/accept":        scope.Money,
	"POST /v1/proposals/{id}/reject":        scope.Money,

	"PUT /v1/mode":                     scope.Admin,
	"DELETE /v1/mode/{scope}":          scope.Admin,
	"PUT /v1/brake":                    scope.Admin,
	"POST /v1/alerts/{id}/close":       scope.Admin,
	"POST /v1/drift/{id}/heal":         scope.Admin,
	"POST /v1/drift/bury":              scope.Admin,
	"POST /v1/events/{id}/replay":      scope.Admin,
	"POST /v1/events/replay":           scope.Admin,
	"POST /v1/hooks/{endpoint}/enable": scope.Admin,
	"POST /v1/hooks/{endpoint}/replay": scope.Admin,
	"POST /v1/hooks/{endpoint}/test":   scope.Admin,
	"POST /v1/migrations":              scope.Admin,
	"POST /v1/unlinked/{id}/link":      scope.Admin,
}

// keyOf is the key that has these scopes, and names it.
func keyOf(scopes ...string) (key string, named trivet.NamedKey) {
	key = "the-key-of-" + strings.Join(scopes, "-and-")
	return key, trivet.NamedKey{Name: strings.Join(scopes, "-"), SHA256: sha256.Sum256([]byte(key)), Scopes: scopes}
}

// withKeys gives the service a key for each set of scopes, and no other.
func withKeys(sets ...[]string) func(*trivet.Config) {
	return func(c *trivet.Config) {
		for _, scopes := range sets {
			_, named := keyOf(scopes...)
			c.NamedKeys = append(c.NamedKeys, named)
		}
	}
}

// each are the scopes, one to a set.
func each() (sets [][]string) {
	for _, name := range scope.Names() {
		sets = append(sets, []string{name})
	}
	return sets
}

func bearer(scopes ...string) string {
	key, _ := keyOf(scopes...)
	return "Authorization: Bearer " + key
}

// operations are all operations of the specification, "METHOD /path".
func (s *specification) operations() map[string]map[string]any {
	all := map[string]map[string]any{}
	for path, item := range s.doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			all[strings.ToUpper(method)+" "+path] = op.(map[string]any)
		}
	}
	return all
}

// named is the operation of a request, "METHOD /path".
func (s *specification) named(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	for name := range s.operations() {
		verb, template, _ := strings.Cut(name, " ")
		pattern := "^" + variable.ReplaceAllString(template, `[^/]+`) + "$"
		if verb == method && regexp.MustCompile(pattern).MatchString(path) {
			return name
		}
	}
	return ""
}

var variable = regexp.MustCompile(`\{[a-z]+\}`)

// TestEveryRouteHasItsScope: the specification tells it of each, it is the one that
// this test has, and the page has the same ones.
func TestEveryRouteHasItsScope(t *testing.T) {
	w := newWorld(t, sqlite(t))
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for name, op := range w.spec.operations() {
		want, listed := routes[name]
		if !listed && strings.HasPrefix(name, "GET ") {
			want, listed = scope.Read, true
		}
		if got := op["x-trivet-scope"]; !listed || got != string(want) {
			t.Errorf("%s needs the scope %v, want %q: a route that changes something needs a line in this test", name, got, want)
		}
		if text, _ := op["description"].(string); !regexp.MustCompile(`Takes a key with the scope ` + string(want) + `(, or read)?\.$`).MatchString(text) {
			t.Errorf("%s does not say which scope it needs: %q", name, text)
		}
		if want != scope.Read {
			told[name] = string(want)
		}
	}
	for name := range routes {
		if told[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	written := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		for _, found := range regexp.MustCompile("`([A-Z]+ /v1/[^`]*)`").FindAllStringSubmatch(row[2], -1) {
			if slices.Contains(scope.Names(), row[1]) {
				written[found[1]] = row[1]
			}
		}
	}
	if diff := cmp.Diff(told, written); diff != "" {
		t.Errorf("docs/api.md tells other scopes (-served +page):\n%s", diff)
	}
}

// TestScopes: every route with a key of every scope, allowed and refused exactly.
func TestScopes(t *testing.T) {
	w := newWorld(t, sqlite(t), withKeys(each()...), func(c *trivet.Config) { c.APIKeys = nil })
	for name, op := range w.spec.operations() {
		needs := scope.Scope(op["x-trivet-scope"].(string))
		for _, has := range scope.Names() {
			// Without a body or parameters most are told what is missing: whoever may is.
			r := w.do(variable.ReplaceAllString(name, "a"), "", bearer(has), "Idempotency-Key: k")
			allowed := has == "all" || has == string(needs) || has == "read" && needs == scope.Check
			if refused := r.status == http.StatusForbidden; refused == allowed || r.status == http.StatusUnauthorized || r.status >= 500 {
				t.Errorf("%s, which needs %s, with %s: %d %s", name, needs, has, r.status, r.body)
			}
			if allowed {
				continue
			}
			if r.field("code") != "forbidden" || r.field("missing_scope") != string(needs) || r.field("scopes.0") != has || r.field("scopes.1") != nil ||
				!strings.Contains(r.body, "the scope "+string(needs)) || !strings.Contains(r.body, "has only "+has) ||
				r.header.Get("WWW-Authenticate") != `Bearer realm="trivet", error="insufficient_scope", scope="`+string(needs)+`"` {
				t.Errorf("%s with %s is refused by %s %s", name, has, r.body, r.header.Get("WWW-Authenticate"))
			}
		}
	}
}

// TestScopesAndPaths: other ways to write an address, and what is no route.
func TestScopesAndPaths(t *testing.T) {
	w := newWorld(t, sqlite(t), withKeys([]string{"check"}, []string{"read"}, []string{"write"}))
	for request, want := range map[string]map[string]int{
		"HEAD /v1/customers":                      {"check": 403, "read": 200, "write": 403},
		"HEAD /v1/check?customer=a&feature=b":     {"check": 200, "read": 200, "write": 403},
		"GET /v1//customers":                      {"check": 307, "read": 307, "write": 307},
		"GET /v1/check/../customers":              {"check": 307, "read": 307, "write": 307},
		"GET /v1/check%2F..%2Fcustomers":          {"check": 404, "read": 404, "write": 404},
		"GET /v1/customers/%2E%2E%2Fcheck":        {"check": 403, "read": 404, "write": 403},
		"GET /v1/nothing":                         {"check": 404, "read": 404, "write": 404},
		"POST /v1/check":                          {"check": 405, "read": 405, "write": 405},
		"PUT /v1/customers/a%00":                  {"check": 403, "read": 403, "write": 422},
		"GET /v1/customers?limit=1&limit=2":       {"check": 403, "read": 422, "write": 403},
		"GET /metrics":                            {"check": 403, "read": 200, "write": 403},
		"GET /healthz":                            {"check": 200, "read": 200, "write": 200},
		"GET /docs":                               {"check": 200, "read": 200, "write": 200},
		"GET /openapi.json":                       {"check": 200, "read": 200, "write": 200},
		"GET /readyz":                             {"check": 200, "read": 200, "write": 200},
		"PUT /v1/customers/a?_method=GET":         {"check": 403, "read": 403, "write": 422},
		"GET /v1/check?customer=a&feature=b&x=/a": {"check": 200, "read": 200, "write": 403},
	} {
		for has, status := range want {
			method, target, _ := strings.Cut(request, " ")
			r, recorder := httptest.NewRequest(method, target, strings.NewReader("{}")), httptest.NewRecorder()
			r.Header.Set("Authorization", strings.TrimPrefix(bearer(has), "Authorization: "))
			r.Header.Set("X-HTTP-Method-Override", "GET")
			w.Handler().ServeHTTP(recorder, r)
			if recorder.Code != status {
				t.Errorf("%s with %s: %d, want %d: %s", request, has, recorder.Code, status, recorder.Body)
			}
			if more := strings.Contains(recorder.Body.String(), "dialect"); request == "GET /readyz" && more != (has == "read") {
				t.Errorf("%s with %s tells %s", request, has, recorder.Body)
			}
		}
	}
}

// TestAnswersBelongToTheHolder: what is kept for an idempotency key goes to nobody
// else, nor to one who may not ask any more.
func TestAnswersBelongToTheHolder(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, withKeys([]string{"write"}, []string{"all"}, []string{"read"}))
		const request, body, again = "POST /v1/customers/user_1/grants", `{"feature":"export"}`, "Idempotency-Key: 1"
		first := w.must(request, body, bearer("write"), again)
		same := w.must(request, body, bearer("write"), again)
		other := w.must(request, body, bearer("all"), again)
		if same.body != first.body || same.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("again: %s %v, want %s", same.body, same.header, first.body)
		}
		if other.field("id") == first.field("id") || other.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("another key gets what was kept for the first: %s", other.body)
		}
		if r := w.do(request, body, bearer("read"), again); r.status != http.StatusForbidden || r.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("a key without the scope: %d %s", r.status, r.body)
		}
		trail := w.must("GET /v1/customers/user_1/timeline", "", bearer("read")).body
		if !strings.Contains(trail, `"actor":"key:write"`) || !strings.Contains(trail, `"actor":"key:all"`) {
			t.Errorf("the audit trail does not name the keys: %s", trail)
		}

		// The same key comes again and may less now.
		key, named := keyOf("write")
		named.Scopes = []string{"read"}
		lesser := newWorld(t, database, func(c *trivet.Config) { c.NamedKeys = []trivet.NamedKey{named} })
		if r := lesser.do(request, body, bearer("write"), again); r.status != http.StatusForbidden {
			t.Errorf("the key's answer comes without the scope: %d %s", r.status, r.body)
		}

		// The key under another name, and without one, is still the one that asked; another
		// under its name is not.
		for name, change := range map[string]func(*trivet.Config){
			"renamed": func(c *trivet.Config) {
				c.NamedKeys = []trivet.NamedKey{{Name: "shop", SHA256: named.SHA256, Scopes: []string{"write"}}}
			},
			"without a name": func(c *trivet.Config) { c.APIKeys = []string{key} },
		} {
			r := newWorld(t, database, change).do(request, body, bearer("write"), again)
			if r.body != first.body || r.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("the key %s: %s, want %s", name, r.body, first.body)
			}
		}
		heir := newWorld(t, database, func(c *trivet.Config) {
			_, other := keyOf("read", "write")
			other.Name = "write"
			c.NamedKeys = []trivet.NamedKey{other}
		})
		if r := heir.must(request, body, bearer("read", "write"), again); r.field("id") == first.field("id") || r.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("whoever gets the name gets what was kept for its former holder: %s", r.body)
		}
	})
}

// contents are the rows of all tables, in order.
func contents(t *testing.T, database string) (rows []string) {
	t.Helper()
	name, source, list := "pgx", database, "select tablename from pg_tables where schemaname = current_schema()"
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		name, source, list = "sqlite", path, "select name from sqlite_master where type = 'table'"
	}
	db, err := sql.Open(name, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := read(t, db, list)
	if len(tables) < 10 {
		t.Fatalf("the database has only the tables %v", tables)
	}
	for _, table := range tables {
		for _, row := range read(t, db, "select * from "+table) {
			rows = append(rows, table+" "+row)
		}
	}
	slices.Sort(rows)
	return rows
}

// read is what a query finds, a row to a text.
func read(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			texts[i] = fmt.Sprint(v)
		}
		all = append(all, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// attempts are requests of every kind, with bodies that are good for something: all
// that the scenarios ask, and every route with nothing.
func (w *world) attempts() (all []step) {
	for name := range w.spec.operations() {
		all = append(all, step{request: variable.ReplaceAllString(name, "user_1"), body: "{}"})
	}
	for request, body := range map[string]string{
		"PUT /v1/mode": `{"scope":"global","mode":"assist"}`, "DELETE /v1/mode/global": "", "PUT /v1/brake": `{"on":true}`,
		"POST /v1/checkouts": `{"customer":"user_2","plan":"day","success_url":"https://app.test/in","cancel_url":"https://app.test/out"}`,
		give:                 `{"plan":"pack","amount":3,"reason":"sorry"}`, consume: `{"plan":"pack","amount":1}`,
		"POST /v1/customers/user_1/ban": `{"reason":"theft"}`, "DELETE /v1/customers/user_1/grants/{grant}": "",
		"POST /v1/events/{event}/replay": "", "POST /v1/events/replay": `{"type":"invoice.paid"}`,
		"POST /v1/unlinked/{sub}/link": `{"customer":"user_3","from":"user_1"}`,
		"POST /v1/drift/bury":          `{"provider":"stripe","dry_run":true}`, "POST /v1/migrations": `{"from":"stripe","grace":"30d"}`,
	} {
		all = append(all, step{request: request, body: body})
	}
	for _, sc := range scenarios {
		all = append(all, sc.steps...)
	}
	slices.SortFunc(all, func(a, b step) int { return strings.Compare(a.request+a.body, b.request+b.body) })
	return all
}

// TestWithoutAScopeThatWritesNothingChanges: whatever is asked with a key that has
// none, the database and the provider's world stay as they are; and with one that has
// them all, the same requests change both.
func TestWithoutAScopeThatWritesNothingChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, withKeys([]string{"check"}, []string{"read"}, []string{"check", "read"}, []string{"all"}))
		w.subscribe("user_1")
		w.name("grant", w.must("POST /v1/customers/user_1/grants", `{"feature":"export"}`).field("id"))
		w.name("event", w.must("GET /v1/events", "").field("data.0.id"))
		attempts := w.attempts()
		try := func(i int, a step, scopes ...string) response {
			return w.do(a.request, a.body, append(slices.Clone(a.headers), bearer(scopes...), fmt.Sprintf("Idempotency-Key: %d", i))...)
		}
		before, effects := contents(t, database), len(w.stripe.Effects())
		for _, scopes := range [][]string{{"check"}, {"read"}, {"check", "read"}} {
			for i, a := range attempts {
				try(i, a, scopes...)
			}
			if diff := cmp.Diff(before, contents(t, database)); diff != "" {
				t.Fatalf("a key that has only %v has changed (-before +after):\n%s", scopes, diff)
			}
			if now := len(w.stripe.Effects()); now != effects {
				t.Fatalf("a key that has only %v has had the provider do %v", scopes, w.stripe.Effects()[effects:])
			}
		}
		carriedOut := map[string]bool{}
		for i, a := range attempts {
			method, target, _ := strings.Cut(a.request, " ")
			if r := try(i, a, "all"); r.status < 300 && method != http.MethodGet {
				carriedOut[w.spec.named(method, target)] = true
			}
		}
		t.Logf("with the scopes %d kinds of requests are carried out: %v", len(carriedOut), slices.Sorted(maps.Keys(carriedOut)))
		if cmp.Equal(before, contents(t, database)) || len(carriedOut) < 15 {
			t.Errorf("of what was tried only %v was good for anything: the test tries too little", slices.Sorted(maps.Keys(carriedOut)))
		}
	})
}

// TestClientIsToldTheScope: in fields that a program can read.
func TestClientIsToldTheScope(t *testing.T) {
	w := newWorld(t, sqlite(t), withKeys([]string{"check"}))
	key, _ := keyOf("check")
	c := client.With("http://trivet.test", key, &http.Client{Transport: sim.Transport(w.Handler())})
	_, err := c.Customer(t.Context(), "user_1")
	problem, ok := err.(*client.Problem) //nolint:errorlint // which is what the client returns
	if !ok || problem.Code != "forbidden" || problem.MissingScope != "read" || !slices.Equal(problem.Scopes, []string{"check"}) {
		t.Errorf("%#v", err)
	}
}

// TestKeysWithNamesAreChecked: the service does not start with keys that anybody could
// send, or of which it could not be told who sent them.
func TestKeysWithNamesAreChecked(t *testing.T) {
	good := sha256.Sum256([]byte("good"))
	like := sha256.Sum256([]byte("like"))
	copy(like[:4], good[:])
	d, err := driver.New(driver.Config{Account: "stripe", SecretKey: "sk_test_sim", WebhookSecrets: []string{"whsec_sim"}})
	if err != nil {
		t.Fatal(err)
	}
	for want, keys := range map[string][]trivet.NamedKey{
		`the name of the API key "" cannot`:         {{SHA256: good, Scopes: []string{"read"}}},
		`the name of the API key "a b" cannot`:      {{Name: "a b", SHA256: good, Scopes: []string{"read"}}},
		`the name of the API key "0123abcd" cannot`: {{Name: "0123abcd", SHA256: good, Scopes: []string{"read"}}},
		`two API keys have the name "a"`:            {{Name: "a", SHA256: good, Scopes: []string{"read"}}, {Name: "a", SHA256: sha256.Sum256([]byte("b")), Scopes: []string{"read"}}},
		"of the API key b is that of another":       {{Name: "a", SHA256: good, Scopes: []string{"read"}}, {Name: "b", SHA256: good, Scopes: []string{"read"}}},
		"of the API key full is that of another":    {{Name: "full", SHA256: sha256.Sum256([]byte(apiKey)), Scopes: []string{"read"}}},
		"of the API key empty is that of another":   {{Name: "empty", SHA256: sha256.Sum256(nil), Scopes: []string{"read"}}},
		"of the API key none is that of another":    {{Name: "none", Scopes: []string{"read"}}},
		"of the API key like is that of another":    {{Name: "a", SHA256: good, Scopes: []string{"read"}}, {Name: "like", SHA256: like, Scopes: []string{"read"}}},
		"the API key a has no scopes":               {{Name: "a", SHA256: good}},
		`the API key a has the scope "rite"`:        {{Name: "a", SHA256: good, Scopes: []string{"read", "rite"}}},
	} {
		_, err := trivet.New(t.Context(), trivet.Config{
			PublicURL: "https://billing.test", Database: sqlite(t), Providers: []provider.Driver{d}, APIKeys: []string{apiKey}, NamedKeys: keys,
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	w := newWorld(t, sqlite(t), func(c *trivet.Config) {
		c.APIKeys, c.NamedKeys = nil, []trivet.NamedKey{{Name: "a", SHA256: good, Scopes: []string{"read"}}}
	})
	for header, status := range map[string]int{"Bearer good": 200, "Bearer ": 401, "Bearer goo": 401, "Bearer " + apiKey: 401, "good": 401} {
		r := httptest.NewRequest(http.MethodGet, "/v1/customers", nil)
		r.Header.Set("Authorization", header)
		recorder := httptest.NewRecorder()
		if w.Handler().ServeHTTP(recorder, r); recorder.Code != status {
			t.Errorf("%q: %d %s", header, recorder.Code, recorder.Body)
		}
	}
}
