package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// HashToken is the form in which a checkout's token is stored.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// clues are what the rows that are not linked yet could be linked by.
type clues struct {
	tokens  map[string]store.Checkout // by hash
	objects map[string]store.Object   // owners and parents, by key
}

// link finds out whose the unlinked rows are: by what they claim, where the
// account's bind list trusts it; by the provider's customer they belong to; by
// the object they hang on. A row that is linked stays so.
func (w *writing) link(ctx context.Context) error {
	var open []*row
	for _, r := range w.order {
		if r.next.Customer == "" {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return nil
	}
	clues, err := w.clues(ctx, open)
	if err != nil {
		return err
	}
	for progress := true; progress; {
		progress = false
		for _, r := range open {
			if r.next.Customer != "" {
				continue
			}
			customer, err := w.ownerOf(ctx, r, clues)
			if err != nil {
				return err
			}
			if customer != "" {
				r.bind(customer)
				progress = true
			}
		}
	}
	return w.meet(ctx)
}

func (r *row) bind(customer string) {
	r.next.Customer = customer
	r.kinds = append(r.kinds, billing.Linked)
	if r.sight != nil {
		r.sight.outcome.Customer = customer
	}
}

// clues reads what the open rows point to.
func (w *writing) clues(ctx context.Context, open []*row) (clues, error) {
	hashes, keys := map[string]bool{}, map[string]bool{}
	for _, r := range open {
		if token := r.claims()[provider.ClaimToken]; token != "" {
			hashes[HashToken(token)] = true
		}
		for _, key := range r.belongsTo() {
			keys[key] = true
		}
	}
	found := clues{tokens: map[string]store.Checkout{}, objects: map[string]store.Object{}}
	checkouts, err := w.tx.CheckoutsByToken(ctx, sortedKeys(hashes))
	if err != nil {
		return found, err
	}
	for _, c := range checkouts {
		found.tokens[c.TokenHash] = c
	}
	objects, err := w.tx.ObjectsNamed(ctx, sortedKeys(keys))
	for _, o := range objects {
		found.objects[o.Key] = o
	}
	return found, err
}

func (r *row) claims() map[string]string {
	var claims map[string]string
	_ = json.Unmarshal([]byte(r.next.Claims), &claims) // written by see
	return claims
}

// belongsTo lists the keys of the objects whose customer is this one's too.
func (r *row) belongsTo() []string {
	var keys []string
	if r.next.Owner != "" {
		keys = append(keys, ownerKey(r.next))
	}
	if r.next.Parent != "" {
		keys = append(keys, r.next.Account+"/"+r.next.Parent)
	}
	return keys
}

// ownerKey is the key of the provider's customer whom an object belongs to.
func ownerKey(o store.Object) string {
	return o.Account + "/" + string(billing.KindCustomer) + "/" + o.Owner
}

// ownerOf finds the customer of a row; empty if nothing tells.
func (w *writing) ownerOf(ctx context.Context, r *row, clues clues) (string, error) {
	claims := r.claims()
	bind, configured := w.Bind[r.next.Account]
	if !configured {
		bind = []string{provider.ClaimToken}
	}
	for _, name := range bind {
		value := claims[name]
		if name == provider.ClaimToken && value != "" {
			checkout, made := clues.tokens[HashToken(value)]
			if made && checkout.Account == r.next.Account {
				return checkout.Customer, nil
			}
		} else if value != "" && billing.CheckRef(value) == nil {
			return value, nil
		}
	}
	for _, key := range r.belongsTo() {
		if other, now := w.rows[key]; now && other.next.Customer != "" {
			return other.next.Customer, nil
		}
		if customer := clues.objects[key].Customer; customer != "" {
			return customer, nil
		}
	}
	if r.next.Kind == string(billing.KindCustomer) {
		return w.tx.OwnerOf(ctx, r.next.Account, r.next.ID)
	}
	return "", nil
}

// meet makes sure that the customers of linked rows exist.
func (w *writing) meet(ctx context.Context) error {
	refs := map[string]bool{}
	for _, r := range w.order {
		if slices.Contains(r.kinds, billing.Linked) {
			refs[r.next.Customer] = true
		}
	}
	var strangers []store.Customer
	for _, ref := range sortedKeys(refs) {
		doc, err := json.Marshal(billing.Customer{Ref: ref})
		if err != nil {
			return err
		}
		strangers = append(strangers, store.Customer{Ref: ref, Doc: string(doc)})
	}
	if len(strangers) == 0 {
		return nil
	}
	fresh, err := w.tx.MeetCustomers(ctx, strangers)
	if err != nil {
		return err
	}
	for _, s := range strangers {
		if slices.Contains(fresh, s.Ref) {
			w.changes = append(w.changes, store.Change{
				Subject: store.SubjectSettings, ID: s.Ref, Customer: s.Ref,
				Kinds: kindList(billing.CustomerSet), Diff: "[]", After: s.Doc,
			})
		}
	}
	return nil
}

// spread links what belongs to the rows that were just linked: the provider's
// customer whose object proved to be ours, and whatever hangs on either.
func (w *writing) spread(ctx context.Context) error {
	var linked []*row
	for _, r := range w.order {
		if slices.Contains(r.kinds, billing.Linked) {
			linked = append(linked, r)
		}
	}
	for len(linked) > 0 {
		heirs, err := w.heirs(ctx, linked)
		if err != nil {
			return err
		}
		if err := w.write(ctx, heirs); err != nil {
			return err
		}
		w.order = append(w.order, heirs...)
		linked = heirs
	}
	return nil
}

// heirs lists the unlinked rows that take over the customer of linked ones.
func (w *writing) heirs(ctx context.Context, linked []*row) ([]*row, error) {
	heirs := map[string]string{} // key to customer
	customers := map[string]string{}
	for _, r := range linked {
		customers[r.next.Key] = r.next.Customer
		if r.next.Owner != "" && r.next.Kind != string(billing.KindCustomer) {
			heirs[ownerKey(r.next)] = r.next.Customer
		}
	}
	dependents, err := w.tx.Dependents(ctx, sortedKeys(customers))
	if err != nil {
		return nil, err
	}
	for _, d := range dependents {
		if customer, hanging := customers[d.Account+"/"+d.Parent]; hanging {
			heirs[d.Key] = customer
		} else {
			heirs[d.Key] = customers[ownerKey(d)]
		}
	}
	maps.DeleteFunc(heirs, func(key string, _ string) bool { _, now := w.rows[key]; return now })
	if len(heirs) == 0 {
		return nil, nil
	}
	objects, err := w.tx.LockObjects(ctx, sortedKeys(heirs))
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, o := range objects {
		if o.Customer != "" {
			continue
		}
		object, err := billing.ParseObject(billing.Kind(o.Kind), []byte(o.Doc))
		if err != nil {
			return nil, err
		}
		r := &row{before: &o, next: o, was: object, is: object}
		r.bind(heirs[o.Key])
		w.rows[o.Key] = r
		rows = append(rows, r)
	}
	return rows, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
