package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
)

// readyPatience bounds how long the question whether we are ready may take.
const readyPatience = 2 * time.Second

// healthz says that the process lives.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// readiness is the answer of /readyz. Who is not known learns the first of it alone:
// what is behind this door is none of theirs.
type readiness struct {
	Status string `json:"status"`
	*innards
}

type innards struct {
	Database string `json:"database"`
	// Dialect is sqlite or postgres.
	Dialect   string `json:"dialect"`
	Version   string `json:"version"`
	APIKeys   int    `json:"api_keys"`
	Providers int    `json:"providers"`
}

// readyz says whether requests can be served, and to whoever has a key, more.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	_, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	k, known := s.keys.find(strings.TrimSpace(sent))
	s.answerReady(w, r, known && !k.over(s.DB.Now()) && k.lacks(scope.Read) == nil)
}

func (s *server) readiness(w http.ResponseWriter, r *http.Request) { s.answerReady(w, r, true) }

// answerReady says whether requests can be served: the database answers and has our
// schema.
func (s *server) answerReady(w http.ResponseWriter, r *http.Request, all bool) {
	ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
	defer cancel()
	state, database, status := "ready", "ok", http.StatusOK
	if err := s.DB.Ready(ctx); err != nil {
		s.Log.Warn("not ready", "error", err)
		state, database, status = "not ready", "does not answer", http.StatusServiceUnavailable
	}
	answer := readiness{Status: state}
	if all {
		answer.innards = &innards{
			Database: database, Dialect: s.DB.Dialect(), Version: s.Version, APIKeys: len(s.keys), Providers: len(s.Apply.Drivers),
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client has gone
}
