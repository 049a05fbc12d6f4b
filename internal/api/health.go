package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// readyPatience bounds how long the question whether we are ready may take.
const readyPatience = 2 * time.Second

// healthz says that the process lives.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// readiness is the answer of /readyz.
type readiness struct {
	Status   string `json:"status"`
	Database string `json:"database"`
	// Dialect is sqlite or postgres.
	Dialect   string `json:"dialect"`
	Version   string `json:"version"`
	APIKeys   int    `json:"api_keys"`
	Providers int    `json:"providers"`
}

// readyz says whether requests can be served: the database answers and has our
// schema.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
	defer cancel()
	state := readiness{
		Status: "ready", Database: "ok", Dialect: s.DB.Dialect(), Version: s.Version,
		APIKeys: len(s.keys), Providers: len(s.Apply.Drivers),
	}
	status := http.StatusOK
	if err := s.DB.Ready(ctx); err != nil {
		s.Log.Warn("not ready", "error", err)
		state.Status, state.Database, status = "not ready", "does not answer", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(state) // the client has gone
}
