package apply

import (
	"context"
	"maps"

	"github.com/trivetdev/trivet/provider"
)

// recall adds to each sight what events claimed about its object, of accounts whose
// provider says it nowhere else. What the object itself says outweighs it.
func (w *writing) recall(ctx context.Context) error {
	var keys []string
	w.sights(func(s *sight) {
		if provider.Tells(w.Drivers[s.ref.Account]) && !s.missing && !s.snapshot.Gone {
			keys = append(keys, s.ref.String())
		}
	})
	if len(keys) == 0 {
		return nil
	}
	rows, err := w.tx.ToldOf(ctx, keys)
	if err != nil || len(rows) == 0 {
		return err
	}
	told := map[string]map[string]string{}
	for _, t := range rows {
		if told[t.Key] == nil {
			told[t.Key] = map[string]string{}
		}
		told[t.Key][t.Name] = t.Value
	}
	w.sights(func(s *sight) {
		if claims, any := told[s.ref.String()]; any {
			maps.Copy(claims, s.snapshot.Claims)
			s.snapshot.Claims = claims
			s.claims = jsonText(claims)
		}
	})
	return nil
}
