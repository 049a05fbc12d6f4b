package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// load runs do from many goroutines for a while and returns how long each call
// took. do gets the number of its goroutine and of the call.
func load(connections int, length time.Duration, do func(worker, call int) error) ([]time.Duration, time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	var failures []error
	began := time.Now()
	var workers sync.WaitGroup
	for worker := range connections {
		workers.Go(func() {
			var mine []time.Duration
			var err error
			for call := 0; err == nil && time.Since(began) < length; call++ {
				start := time.Now()
				err = do(worker, call)
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failures = append(all, mine...), append(failures, err)
		})
	}
	workers.Wait()
	return all, time.Since(began), errors.Join(failures...)
}

// show prints a line of figures.
func show(name string, took []time.Duration, length time.Duration) {
	slices.Sort(took)
	at := func(share float64) time.Duration {
		if len(took) == 0 {
			return 0
		}
		return took[min(len(took)-1, int(share*float64(len(took))))]
	}
	fmt.Printf("  %-34s %10.0f %10s %10s\n", name, float64(len(took))/length.Seconds(), short(at(0.5)), short(at(0.99)))
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// wire is a connection that speaks just enough HTTP to be fast: the machine's
// cores are shared with what is measured.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

func dial(address string) (*wire, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, in: bufio.NewReader(conn)}, nil
}

// send writes a request and reads the answer, whose status must be 200.
func (w *wire) send(head string, body []byte) error {
	w.out.Reset()
	w.out.WriteString(head)
	if body != nil {
		w.out.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	w.out.WriteString("\r\n")
	w.out.Write(body)
	if _, err := w.conn.Write(w.out.Bytes()); err != nil {
		return err
	}
	status, err := w.in.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if _, err := w.in.Discard(length); err != nil {
		return err
	}
	if !strings.Contains(status, " 200 ") {
		return fmt.Errorf("answered %s", strings.TrimSpace(status))
	}
	return nil
}

// sign makes a Stripe signature header.
func sign(secret string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// event is a body of about 3 KB, as Stripe sends them.
func event(id, subscription string, at time.Time) []byte {
	return []byte(`{"id":"` + id + `","object":"event","api_version":"2026-03-25.dahlia","created":` + strconv.FormatInt(at.Unix(), 10) +
		`,"livemode":false,"type":"customer.subscription.updated","data":{"object":{"id":"` + subscription +
		`","object":"subscription","customer":"cus_bench","status":"active","description":"` + filler + `"}}}`)
}

// filler does not compress well, as little of a real event does.
var filler = func() string {
	sum := sha256.Sum256([]byte("filler"))
	var b strings.Builder
	for b.Len() < 2700 {
		sum = sha256.Sum256(sum[:])
		b.WriteString(hex.EncodeToString(sum[:]))
	}
	return b.String()[:2700]
}()

// resident is the memory that this process occupies, in MiB.
func resident() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
