package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// publicID is the id of an object in the API: the provider's own and the
// account, which together are unique. No account has an @ in its name.
func publicID(account, id string) string { return id + "@" + account }

// object finds the object of one of the kinds that an id names, with or without
// the account. Where a provider has one id for several kinds, the first of the kinds
// counts.
func (s *server) object(ctx context.Context, id string, kinds ...billing.Kind) (store.Object, error) {
	accounts := slices.Sorted(maps.Keys(s.Apply.Drivers))
	bare := id
	if i := strings.LastIndexByte(id, '@'); i >= 0 {
		bare, accounts = id[:i], []string{id[i+1:]}
	}
	var found []store.Object
	for _, account := range accounts {
		for _, kind := range kinds {
			o, err := s.DB.Object(ctx, provider.Ref{Account: account, Kind: kind, ID: bare}.String())
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return o, err
			}
			found = append(found, o)
			break
		}
	}
	switch len(found) {
	case 0:
		return store.Object{}, notFoundf("There is no %s %q in the ledger: if the provider has it, POST /v1/reconcile finds it.", kinds[0], id)
	case 1:
		return found[0], nil
	}
	return store.Object{}, invalidf("Several accounts have %q: write %s or %s.", id, publicID(found[0].Account, bare), publicID(found[1].Account, bare))
}

// parsed reads the document of an object of the ledger.
func parsed[T billing.Object](o store.Object) (T, error) {
	object, err := billing.ParseObject(billing.Kind(o.Kind), []byte(o.Doc))
	typed, _ := object.(T)
	return typed, err
}

func refOf(o store.Object) provider.Ref {
	return provider.Ref{Account: o.Account, Kind: billing.Kind(o.Kind), ID: o.ID}
}
