package webhook_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
)

// patience is what the tests on the wire give a body to arrive.
const patience = 300 * time.Millisecond

// dial opens a connection to the service as it listens for real.
func dial(t *testing.T, h *triggertest.House) net.Conn {
	t.Helper()
	h.Webhooks.Patience = patience
	server := httptest.NewServer(h.Mux)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.CloseClientConnections()
		server.Close()
	})
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answer reads one answer and how long the server then keeps the connection.
func answer(t *testing.T, conn net.Conn) (status int, open time.Duration) {
	t.Helper()
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	began := time.Now()
	if err := conn.SetReadDeadline(began.Add(5 * patience)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, reader)
	return resp.StatusCode, time.Since(began)
}

// TestSlowBody: a body that drips is given up on in bounded time, and so is its
// connection.
func TestSlowBody(t *testing.T) {
	for name, head := range map[string]string{
		"sized":   "Content-Length: 5000\r\n\r\n",
		"chunked": "Transfer-Encoding: chunked\r\n\r\n1000\r\n",
		"huge":    fmt.Sprintf("Content-Length: %d\r\n\r\n", webhook.MaxBody),
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
			conn := dial(t, h)
			fmt.Fprintf(conn, "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n%s", head)
			done := make(chan struct{})
			defer close(done)
			go drip(conn, done)
			began := time.Now()
			status, open := answer(t, conn)
			if took := time.Since(began) - open; status != http.StatusRequestTimeout || took > 5*patience {
				t.Errorf("answered %d after %s", status, took)
			}
			if open >= 4*patience {
				t.Errorf("the connection stays open for %s after the answer", open)
			}
			if results := h.Results(); results["stripe too_slow"] != 1 {
				t.Errorf("counted as %v", results)
			}
			if counts := h.Count(t); counts["events"] != 0 {
				t.Error("stored")
			}
		})
	}
}

// drip writes a byte now and then until the other side has had enough.
func drip(conn net.Conn, done <-chan struct{}) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
	}
}

// TestOversizedOnTheWire: with a length or without, a body that is too long is
// refused, and whoever then stalls does not keep the connection.
func TestOversizedOnTheWire(t *testing.T) {
	long := strings.Repeat("x", webhook.MaxBody)
	for name, send := range map[string]string{
		"sized":   fmt.Sprintf("Content-Length: %d\r\n\r\nxxx", webhook.MaxBody+1),
		"endless": "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + long + "xxx",
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
			conn := dial(t, h)
			fmt.Fprintf(conn, "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n%s", send)
			status, open := answer(t, conn)
			if status != http.StatusRequestEntityTooLarge {
				t.Errorf("answered %d", status)
			}
			if open >= 4*patience {
				t.Errorf("the connection stays open for %s after the answer", open)
			}
			if results := h.Results(); results["stripe too_large"] != 1 {
				t.Errorf("counted as %v", results)
			}
		})
	}
}

// TestBrokenOff: a sender who goes away in the middle leaves nothing.
func TestBrokenOff(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
	conn := dial(t, h)
	body := event("evt_1")
	fmt.Fprintf(conn, "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s",
		triggertest.Sign(h.Clock.Now(), body, secret), len(body), body[:len(body)-1])
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	if status, _ := answer(t, conn); status != http.StatusBadRequest {
		t.Errorf("answered %d", status)
	}
	if counts := h.Count(t); counts["events"] != 0 {
		t.Error("stored")
	}
	if results := h.Results(); results["stripe unreadable"] != 1 {
		t.Errorf("counted as %v", results)
	}
}

// TestConnectionIsKept: after a good delivery the connection is used again, also
// when more than the patience has passed since.
func TestConnectionIsKept(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
	conn := dial(t, h)
	reader := bufio.NewReader(conn)
	for i := range 3 {
		body := event(fmt.Sprintf("evt_%d", i))
		fmt.Fprintf(conn, "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s",
			triggertest.Sign(h.Clock.Now(), body, secret), len(body), body)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("delivery %d: %v %v", i, resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		time.Sleep(patience + 50*time.Millisecond)
	}
}
