package apply

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
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
		if claims, any := told[s.ref.String()]; any && err == nil {
			maps.Copy(claims, s.snapshot.Claims)
			s.snapshot.Claims = claims
			err = s.write()
		}
	})
	return err
}

// fold compares every sight with what is held.
func (w *writing) fold(context.Context) (err error) {
	w.sights(func(s *sight) {
		if err == nil {
			err = w.foldOne(s)
		}
	})
	return err
}

// outdated drops objects that a list had and the ledger has not, if they were
// looked for since the list was asked for: that look found nothing to write, and
// it is the newer of the two.
func (w *writing) outdated(ctx context.Context) error {
	var keys []string
	for _, r := range w.order {
		if r.before == nil && !r.sight.looked {
			keys = append(keys, r.next.Key)
		}
	}
	seen, err := w.tx.Seen(ctx, keys)
	if err != nil || len(seen) == 0 {
		return err
	}
	w.order = slices.DeleteFunc(w.order, func(r *row) bool {
		if r.before != nil || r.sight.looked || seen[r.next.Key] <= r.sight.begun {
			return false
		}
		r.sight.outcome.Overtaken = true
		delete(w.rows, r.next.Key)
		return true
	})
	return nil
}

func (w *writing) foldOne(s *sight) error {
	key := s.ref.String()
	s.outcome = Outcome{Ref: s.ref, Object: s.snapshot.Object, Missing: s.missing}
	before, known := w.held[key]
	_, folded := w.rows[key]
	if _, same := w.checked[key]; known && before.Applied > s.begun || folded || same {
		s.outcome.Overtaken = true
		return nil
	}
	if s.missing && !s.patient && !s.confirmed {
		// Not to be seen just now is not gone: a look with patience will tell.
		if known && !before.Gone {
			w.again = append(w.again, store.Want{Queue: store.QueueLook, Key: key, Cause: s.cause.text()})
		}
		return nil
	}
	switch {
	case s.patient:
		w.settled[key] = s.begun
	case s.looked:
		w.mended[key] = s.begun
	}
	if (s.missing || s.snapshot.Gone) && !known {
		return nil // never seen here and not there: nothing to bury
	}
	r := &row{sight: s, next: store.Object{Key: key, Account: s.ref.Account, Kind: string(s.ref.Kind), ID: s.ref.ID, FirstAt: w.tx.Now}}
	if known {
		r.before, r.next = &before, before
		s.outcome.Customer = before.Customer
		if s.doc == before.Doc { // as most often
			r.was = s.snapshot.Object
		} else if was, err := billing.ParseObject(billing.Kind(before.Kind), []byte(before.Doc)); err != nil {
			return err
		} else {
			r.was = was
		}
	}
	r.see(s)
	if len(r.kinds) > 0 && before.Checked > s.begun {
		// A later look found the row as it is, which leaves no mark on applied: what
		// we saw may be of a moment before that look. Somebody has to see it again.
		s.outcome.Overtaken = true
		w.unsettle(key)
		return nil
	}
	if len(r.kinds) == 0 && r.next.Customer != "" {
		w.checked[key] = s.begun
		w.same = append(w.same, r)
		return nil
	}
	w.rows[key] = r
	w.order = append(w.order, r)
	return nil
}

// unsettle takes back that a look satisfies what was wanted of an object.
func (w *writing) unsettle(key string) {
	delete(w.settled, key)
	delete(w.mended, key)
}

// see sets what the row says after the look, and names the changes.
func (r *row) see(s *sight) {
	r.is = r.was
	if s.missing || s.snapshot.Gone {
		if !r.next.Gone {
			r.kinds = append(r.kinds, billing.Vanished)
		}
		r.next.Gone, r.next.RevisitAt = true, time.Time{}
		return
	}
	object := s.snapshot.Object
	if r.next.Gone {
		r.kinds = append(r.kinds, billing.Returned)
	}
	if s.doc != r.next.Doc {
		r.kinds = append(r.kinds, billing.Observe(r.was, object)...)
	} else if r.next.Owner != s.snapshot.Owner || r.next.Claims != s.claims {
		r.kinds = append(r.kinds, billing.Updated)
	}
	r.is = object
	r.next.Gone = false
	r.next.Doc, r.next.Claims = s.doc, s.claims
	r.next.Owner, r.next.Parent, r.next.Status = s.snapshot.Owner, parentOf(object), object.State()
	if parent := s.snapshot.Parent; impliesNoParent(r.next.Kind) && !parent.IsZero() {
		r.next.Parent = string(parent.Kind) + "/" + parent.ID
	}
	r.next.RevisitAt = object.Revisit()
}

// parentOf names the object that another hangs on, "kind/id".
func parentOf(object billing.Object) string {
	kind, id := billing.KindPayment, ""
	switch o := object.(type) {
	case billing.Refund:
		id = o.Payment
	case billing.Dispute:
		id = o.Payment
	case billing.Warning:
		id = o.Payment
	case billing.Invoice:
		kind, id = billing.KindSubscription, o.Subscription
	case billing.Checkout:
		if id = o.Payment; id == "" {
			kind, id = billing.KindSubscription, o.Subscription
		}
	}
	if id == "" {
		return ""
	}
	return string(kind) + "/" + id
}
