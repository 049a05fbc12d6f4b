package sim

import (
	"io"
	"maps"
	"net/http"
	"strconv"
)

// Answer is a provider's answer to an API call.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// longestCall bounds the body of an API call, in bytes.
const longestCall = 1 << 20

// Serve answers one API call, counted by its pattern; the body of the answer is of the
// given media type. The provider is told the fault that strikes. It answers
// [FaultOutage], [FaultServerError] and [FaultRateLimited] in its own words, and
// carries nothing out on [FaultTimeoutBefore]; the faults of the connection happen
// here, when the world is unlocked, so that a slow client holds up nobody.
func (w *World) Serve(rw http.ResponseWriter, r *http.Request, pattern, media string, answer func(body []byte, fault string) Answer) {
	body, err := io.ReadAll(io.LimitReader(r.Body, longestCall))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a, fault, fits := w.answer(pattern, body, answer)
	w.log.Debug("api call", "provider", w.name, "method", r.Method, "path", r.URL.Path, "status", a.Status, "fault", fault)
	if fault == FaultTimeoutBefore || fault == FaultTimeoutAfter {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(rw.Header(), a.Header)
	if a.Status == http.StatusNoContent {
		rw.WriteHeader(a.Status)
		return
	}
	length := len(a.Body)
	if fault == FaultTruncated {
		a.Body = a.Body[:length/2]
	}
	if fits {
		length = len(a.Body)
	}
	rw.Header().Set("Content-Type", media)
	rw.Header().Set("Content-Length", strconv.Itoa(length))
	rw.WriteHeader(a.Status)
	_, _ = rw.Write(a.Body)
}

// answer does all that needs the lock. Only good answers are cut off; one that fits
// says that it is as long as what is left of it.
func (w *World) answer(pattern string, body []byte, answer func(body []byte, fault string) Answer) (a Answer, fault string, fits bool) {
	defer w.Enter()()
	w.stats.Calls[pattern]++
	fault = w.Faults.Call(*w.now)
	a = answer(body, fault)
	switch {
	case fault != FaultTruncated:
	case a.Status/100 != 2 || len(a.Body) < 2:
		fault = ""
	default:
		fits = w.Faults.Flip()
	}
	return a, fault, fits
}
