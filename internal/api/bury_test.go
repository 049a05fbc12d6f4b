package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
)

// forgetful is a Stripe that has lost some objects: it shows them neither by
// themselves nor in lists. Gone names them; all of them if it says so.
type forgetful struct {
	gone map[string]bool
	all  bool
}

func (f *forgetful) answer(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	id := path.Base(r.URL.Path)
	single := slices.Contains([]string{"cus", "sub", "in", "pi", "ch", "cs"}, id[:max(0, strings.IndexByte(id, '_'))])
	if r.Method == http.MethodGet && single && (f.all || f.gone[id]) {
		body := `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such object"}}`
		return &http.Response{
			StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
	resp, err := next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || single {
		return resp, err
	}
	var list map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, err
	}
	if rows, ok := list["data"].([]any); ok {
		list["data"] = slices.DeleteFunc(rows, func(row any) bool {
			id, _ := row.(map[string]any)["id"].(string)
			return f.all || f.gone[id]
		})
	}
	doc, err := json.Marshal(list)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(doc)), int64(len(doc))
	return resp, err
}

// losing is a world with eight subscriptions of which Stripe seems to have lost all:
// three are believed to be gone, five are not.
func losing(t *testing.T, database string) (*world, *forgetful) {
	t.Helper()
	w, f := newWorld(t, database), &forgetful{gone: map[string]bool{}}
	for i := range 8 {
		w.subscribe(fmt.Sprint("user_", i))
		f.gone[w.names["sub_id"]] = true
	}
	w.broken = f.answer
	w.must("POST /v1/events/replay", `{"type":"customer.subscription.created"}`)
	w.pass(3 * time.Hour)
	return w, f
}

// absent reads the whole list of a dry run, two looks at a time, as it is to be sent
// back.
func (w *world) absent() (objects []string, looked float64) {
	w.t.Helper()
	for after := ""; ; {
		r := w.must("POST /v1/drift/bury", `{"provider":"stripe","dry_run":true,"limit":2,"after":"`+after+`"}`)
		for i := 0; r.field(fmt.Sprintf("absent.%d.object", i)) != nil; i++ {
			objects = append(objects, fmt.Sprintf(`{"subject":%q,"object":%q}`, r.field(fmt.Sprintf("absent.%d.subject", i)), r.field(fmt.Sprintf("absent.%d.object", i))))
		}
		n, _ := r.field("looked").(float64)
		looked += n
		next, more := r.field("next").(string)
		if !more {
			slices.Sort(objects)
			return objects, looked
		}
		after = next
	}
}

func (w *world) vanished() (actors []string) {
	w.t.Helper()
	changes, err := w.ledger.Changes(w.t.Context(), store.ChangeFilter{Forward: true, Limit: 10_000})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range changes {
		if strings.Contains(c.Kinds, "vanished") {
			actor, _, _ := strings.Cut(c.Actor, ":")
			actors = append(actors, c.Subject+" by "+c.Trigger+" "+actor)
		}
	}
	return actors
}

// TestBury: what seems to be lost, and is too much to be believed, is listed by a dry
// run that changes nothing. What is confirmed is looked at once more, and buried if it
// is still not there.
func TestBury(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w, f := losing(t, database)
		open := w.must("GET /v1/drift?kind=orphan&state=open", "")
		w.name("drift", open.field("data.4.id"))
		if open.field("data.5") != nil || open.field("data.0.impact") != "unpaid_but_active" {
			t.Errorf("five should stand: %s", open.body)
		}
		if r := w.must("POST /v1/drift/{drift}/heal", ""); !strings.Contains(r.body, "POST /v1/drift/bury") || r.field("drift.state") != "open" {
			t.Errorf("%s", r.body)
		}
		before := w.vanished()
		objects, looked := w.absent()
		if len(objects) != 5 || looked != 5 {
			t.Fatalf("%v of %v", objects, looked)
		}
		if after := w.vanished(); len(after) != len(before) || len(before) != 3 {
			t.Errorf("a dry run has buried: %v, %v", before, after)
		}
		// One of them is found again before anybody confirms.
		back := strings.TrimSuffix(open.field("data.2.object").(string), "@stripe")
		delete(f.gone, back)
		for i := range 2 { // asked twice, done once
			r := w.must("POST /v1/drift/bury", `{"provider":"stripe","objects":[`+strings.Join(objects, ",")+`]}`)
			if r.field("looked") != 5.0 || r.field("buried.3.object") == nil || r.field("buried.4") != nil || r.field("present.0.provider_id") != back || r.field("failed.0") != nil {
				t.Errorf("time %d: %s", i, r.body)
			}
		}
		after := w.vanished()
		if want := slices.Repeat([]string{"subscription by request key"}, 4); !slices.Equal(after[3:], want) {
			t.Errorf("the trail says %q", after)
		}
		allowed := 0
		for i := range 8 {
			if r := w.must(fmt.Sprintf("GET /v1/check?customer=user_%d&feature=export", i), ""); r.field("allowed") == true {
				allowed++
			}
		}
		if allowed != 1 {
			t.Errorf("%d may", allowed)
		}
		if r := w.must("GET /v1/drift?kind=orphan", ""); strings.Count(r.body, `"state":"healed"`) != 5 {
			t.Errorf("%s", r.body)
		}
		w.audited()
	})
}

// TestBuryWhatNoListHas: when a list lacks most of the account nobody even looks; the
// dry run does.
func TestBuryWhatNoListHas(t *testing.T) {
	w, f := newWorld(t, sqlite(t)), &forgetful{gone: map[string]bool{}}
	for i := range 8 {
		w.subscribe(fmt.Sprint("user_", i))
		f.gone[w.names["sub_id"]] = true
	}
	w.broken = f.answer
	w.must("POST /v1/reconcile", `{"full":true}`)
	w.pass(time.Minute)
	if r := w.must("GET /v1/reconcile", ""); r.field("data.0.last.doubted") != 8.0 {
		t.Fatalf("%s", r.body)
	}
	objects, _ := w.absent()
	if len(objects) != 8 {
		t.Fatalf("%v", objects)
	}
	if r := w.must("POST /v1/drift/bury", `{"provider":"stripe","objects":[`+strings.Join(objects, ",")+`]}`); strings.Count(r.body, `"status":"active"`) != 8 || r.field("buried.7") == nil {
		t.Errorf("%s", r.body)
	}
	if objects, looked := w.absent(); len(objects) != 0 || looked != 0 {
		t.Errorf("still %v", objects)
	}
	w.audited()
}

// TestBuryNothing: with a key to which everything is lost, with a provider that does
// not answer, and for requests that make no sense.
func TestBuryNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w, f := losing(t, database)
		objects, _ := w.absent()
		named := `{"provider":"stripe","objects":[` + strings.Join(objects, ",") + `]}`
		f.all = true
		if r := w.do("POST /v1/drift/bury", named); r.status != http.StatusConflict || r.field("code") != "unproven" {
			t.Errorf("everything is lost: %d %s", r.status, r.body)
		}
		f.all = false
		w.broken = unreachable
		if r := w.do("POST /v1/drift/bury", named); r.status != http.StatusBadGateway {
			t.Errorf("nobody answers: %d %s", r.status, r.body)
		}
		if r := w.do("POST /v1/drift/bury", `{"provider":"stripe","dry_run":true}`); r.status != http.StatusBadGateway {
			t.Errorf("nobody answers a dry run: %d %s", r.status, r.body)
		}
		// It goes away when the first is buried.
		looks := 0
		w.broken = func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, "/v1/subscriptions/") {
				if looks++; looks > 1 {
					return unreachable(next, r)
				}
			}
			return f.answer(next, r)
		}
		if r := w.must("POST /v1/drift/bury", named); r.field("buried.0") == nil || r.field("buried.1") != nil || r.field("failed.3.error") == nil || r.field("failed.4") != nil {
			t.Errorf("it goes away: %s", r.body)
		}
		w.broken = f.answer
		for body, want := range map[string]int{
			`{}`:                                   422,
			`{"provider":"paypal","dry_run":true}`: 422,
			`{"provider":"stripe"}`:                422,
			`{"provider":"stripe","objects":[]}`:   422,
			`{"provider":"stripe","after":"x","objects":[{"subject":"subscription","object":"sub_1"}]}`:         422,
			`{"provider":"stripe","dry_run":true,"objects":[{"subject":"subscription","object":"sub_1"}]}`:      422,
			`{"provider":"stripe","dry_run":true,"after":"x"}`:                                                  422,
			`{"provider":"stripe","dry_run":true,"after":"ZmluZGluZyBhYmM"}`:                                    422,
			`{"provider":"stripe","dry_run":true,"limit":201}`:                                                  422,
			`{"provider":"stripe","objects":[{"subject":"subscription","object":"sub_none"}]}`:                  404,
			`{"provider":"stripe","objects":[{"subject":"chair","object":"sub_none"}]}`:                         422,
			`{"provider":"stripe","objects":[{"subject":"subscription","object":"` + w.names["pay_id"] + `"}]}`: 404,
		} {
			if r := w.do("POST /v1/drift/bury", body); r.status != want {
				t.Errorf("%s: %d %s", body, r.status, r.body)
			}
		}
		if got := len(w.vanished()); got != 4 {
			t.Errorf("%d objects are buried", got)
		}
		w.audited()
	})
}
