package cli

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/sim"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// lines is a writer that can be read while it is written to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait waits for something to be written.
func (l *lines) wait(t *testing.T, pattern string) []string {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	for range 1000 {
		if found := expression.FindStringSubmatch(l.String()); found != nil {
			return found
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nothing like %s was written: %s", pattern, l)
	return nil
}

// TestASignalLetsRequestsFinish: a request that is under way when the signal
// comes is answered; a new one finds the door closed; then the process ends well.
func TestASignalLetsRequestsFinish(t *testing.T) {
	world := stripe.New(stripe.Config{Seed: 1, Clock: sim.NewClock(time.Now())})
	cus := world.CreateCustomer("dana@kern.test")
	world.AddPrice(stripe.Price{ID: "price_pro", Currency: "eur", Amount: 2900, Interval: "month"})
	if _, err := world.CreateSubscription(stripe.NewSubscription{Customer: cus, Price: "price_pro", Card: stripe.CardGood, Metadata: map[string]string{"user_id": "user_1"}}); err != nil {
		t.Fatal(err)
	}
	asked, goOn := make(chan struct{}), make(chan struct{})
	var gate sync.Once
	armed := false
	var mu sync.Mutex
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		waits := armed && r.URL.Path == "/v1/customers/"+cus
		mu.Unlock()
		if waits {
			gate.Do(func() { close(asked); <-goOn })
		}
		world.Handler().ServeHTTP(w, r)
	}))
	defer provider.Close()

	ctx, signal := context.WithCancel(t.Context())
	var stdout, stderr lines
	ended := make(chan int)
	go func() {
		ended <- Main(ctx, Process{Args: []string{"serve"}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now, Environ: []string{
			"TRIVET_LISTEN=127.0.0.1:0", "TRIVET_API_KEYS=a-long-random-text", "TRIVET_DATABASE=sqlite:" + filepath.Join(t.TempDir(), "trivet.db"),
			"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_sim", "TRIVET_PROVIDERS_STRIPE_INGEST=pull",
			"TRIVET_PROVIDERS_STRIPE_BASE_URL=" + provider.URL, "TRIVET_PROVIDERS_STRIPE_BIND=metadata.user_id",
		}})
	}()
	address := stdout.wait(t, `trivet listens on (http://\S+)`)[1]
	stderr.wait(t, "swept everything")
	long, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	long.Header.Set("X-Long", strings.Repeat("x", 2*maxHeader))
	if resp, err := http.DefaultClient.Do(long); err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes: %v %v", 2*maxHeader, resp, err)
	}
	c := client.New(address, "a-long-random-text")
	mu.Lock()
	armed = true
	mu.Unlock()

	type result struct {
		answer client.Reconciliation
		err    error
	}
	answered := make(chan result, 1)
	go func() {
		answer, err := c.Reconcile(context.Background(), client.ReconcileRequest{Customer: "user_1"})
		answered <- result{answer, err}
	}()
	<-asked
	signal()
	stderr.wait(t, "stopping")
	for range 100 { // the listener closes a moment after
		conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(address, "http://")); err == nil {
		t.Error("the door is still open")
	}
	select {
	case code := <-ended:
		t.Errorf("the process ended with %d while a request was under way", code)
	default:
	}
	close(goOn)
	if r := <-answered; r.err != nil || r.answer.Compared == nil || *r.answer.Compared == 0 {
		t.Errorf("the request was cut off: %+v %v", r.answer, r.err)
	}
	if code := <-ended; code != exitGood {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
