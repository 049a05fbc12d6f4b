package api

import (
	"context"
	"strings"
	"time"
)

// Stats counts what there is.
type Stats struct {
	AsOf      time.Time                   `json:"as_of"`
	Customers int64                       `json:"customers"`
	Objects   map[string]map[string]int64 `json:"objects" doc:"By account and kind."`
	Events    map[string]int64            `json:"events" doc:"By state."`
	Drift     map[string]int64            `json:"drift" doc:"By state."`
	Effects   map[string]int64            `json:"effects" doc:"By state."`
	Work      map[string]map[string]int64 `json:"work" doc:"By queue and state."`
	Sweeps    []Sweep                     `json:"sweeps" nullable:"false"`
}

type statsOutput struct{ Body Stats }

func (s *server) statsOperations() {
	add(s, get("/v1/stats", "get-stats", "truth", "Count what there is"),
		func(ctx context.Context, _ *struct{}) (*statsOutput, error) {
			stats, err := s.stats(ctx)
			return &statsOutput{stats}, err
		})
}

func (s *server) stats(ctx context.Context) (stats Stats, err error) {
	stats = Stats{AsOf: s.DB.Now(), Objects: map[string]map[string]int64{}, Work: map[string]map[string]int64{}}
	var objects map[string]int64
	var work map[[2]string]int64
	for _, count := range []func() error{
		func() (err error) { stats.Customers, err = s.DB.CustomerCount(ctx); return err },
		func() (err error) { objects, err = s.DB.ObjectCounts(ctx); return err },
		func() (err error) { stats.Events, err = s.DB.EventCounts(ctx); return err },
		func() (err error) { stats.Drift, err = s.DB.DriftCounts(ctx); return err },
		func() (err error) { stats.Effects, err = s.DB.EffectCounts(ctx); return err },
		func() (err error) { work, err = s.DB.WorkCounts(ctx); return err },
		func() (err error) { stats.Sweeps, err = s.sweeps(ctx); return err },
	} {
		if err := count(); err != nil {
			return stats, err
		}
	}
	for name, n := range objects {
		account, kind, _ := strings.Cut(name, "/")
		nest(stats.Objects, account, kind, n)
	}
	for name, n := range work {
		nest(stats.Work, name[0], name[1], n)
	}
	return stats, nil
}

func nest(counts map[string]map[string]int64, outer, inner string, n int64) {
	if counts[outer] == nil {
		counts[outer] = map[string]int64{}
	}
	counts[outer][inner] = n
}
