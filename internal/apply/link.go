package apply

import (
	"cmp"
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
	buyers  map[string]string         // whose the provider says a token's checkout is, by hash
	objects map[string]store.Object   // owners, parents and invoices, by key
	bills   map[string]string         // the keys of the invoices that name payments, by the payments' keys
	// proven are the customers whose objects are linked in this very writing, by
	// the keys of what those objects belong to.
	proven map[string]string
}

// prove notes that a linked object tells whose its owner is, and whose the object
// is that it hangs on.
func (c clues) prove(r *row) {
	if r.next.Customer == "" {
		return
	}
	for _, key := range r.belongsTo() {
		c.proven[key] = r.next.Customer
	}
}

// link finds out whose the unlinked rows are: by what they claim, where the
// account's bind list trusts it; by the object they hang on; by the provider's
// customer they belong to, who comes last because several of our customers may share
// one. A row that is linked stays so, unless what it hangs on proves to be somebody
// else's; see [writing.heirs].
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
	for _, r := range w.order {
		clues.prove(r)
	}
	for _, weakly := range []bool{false, true} {
		for progress := true; progress; {
			progress = false
			for _, r := range open {
				if r.next.Customer != "" {
					continue
				}
				customer, err := w.ownerOf(ctx, r, clues, weakly)
				if err != nil {
					return err
				}
				if customer != "" {
					r.bind(customer)
					r.weak = w.claimed(r, clues) == ""
					clues.prove(r)
					progress = true
				}
			}
		}
	}
	return w.meet(ctx)
}

func (r *row) bind(customer string) {
	r.next.Customer = customer
	if !slices.Contains(r.kinds, billing.Linked) {
		r.kinds = append(r.kinds, billing.Linked)
	}
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
	found := clues{tokens: map[string]store.Checkout{}, buyers: map[string]string{}, objects: map[string]store.Object{}, bills: map[string]string{}, proven: map[string]string{}}
	checkouts, err := w.tx.CheckoutsByToken(ctx, sortedKeys(hashes))
	if err != nil {
		return found, err
	}
	pages := map[string]string{}
	for _, c := range checkouts {
		found.tokens[c.TokenHash] = c
		if c.Object != "" {
			key := c.Account + "/" + string(billing.KindCheckout) + "/" + c.Object
			pages[key], keys[key] = c.TokenHash, true
		}
	}
	objects, err := w.tx.ObjectsNamed(ctx, sortedKeys(keys))
	for _, o := range objects {
		found.objects[o.Key] = o
		if hash, page := pages[o.Key]; page {
			found.buyers[hash] = o.Owner
		}
	}
	if err != nil {
		return found, err
	}
	return found, w.findBills(ctx, open, found)
}

// honors reports whether a token may bind a row. It is for one purchase: once the
// provider has told who went through the checkout, what belongs to somebody else has
// only copied the token, as scripts and carts do that copy metadata.
func (c clues) honors(token string, r *row) bool {
	buyer := c.buyers[HashToken(token)]
	return buyer == "" || r.next.Owner == "" || buyer == r.next.Owner
}

func (r *row) claims() map[string]string { return claimsOf(r.next) }

// claimsOf is what a stored object says of whose it is.
func claimsOf(o store.Object) map[string]string {
	var claims map[string]string
	_ = json.Unmarshal([]byte(o.Claims), &claims) // written by us
	return claims
}

// ownerOf finds the customer of a row; empty if nothing tells. What only hints at
// one, such as the provider's customer, counts if weakly is set.
func (w *writing) ownerOf(ctx context.Context, r *row, clues clues, weakly bool) (string, error) {
	if customer := cmp.Or(w.claimed(r, clues), w.followed(r, clues)); customer != "" || !weakly {
		return customer, nil
	}
	if r.next.Owner != "" && !provider.OwnersShared(w.Drivers[r.next.Account]) {
		if customer := w.whose(ownerKey(r.next), clues); customer != "" {
			return customer, nil
		}
	}
	if customer := clues.proven[r.next.Key]; customer != "" {
		return customer, nil
	}
	switch kind := billing.Kind(r.next.Kind); {
	case kind == billing.KindCustomer:
		return w.tx.OwnerOf(ctx, r.next.Account, r.next.ID)
	case kind == billing.KindPayment, kind == billing.KindSubscription,
		// An invoice has nothing else to go by where owners tell nothing.
		kind == billing.KindInvoice && provider.OwnersShared(w.Drivers[r.next.Account]):
		// A guest's purchase may be told by the checkout alone that led to it.
		return w.tx.OwnerBelow(ctx, r.next.Key)
	}
	return "", nil
}

// claimed is the customer that a row names itself, where the account's bind list
// trusts that; empty if it names none.
func (w *writing) claimed(r *row, clues clues) string {
	claims := r.claims()
	bind, configured := w.Bind[r.next.Account]
	if !configured {
		bind = []string{provider.ClaimToken}
	}
	for _, name := range bind {
		value := claims[name]
		if name == provider.ClaimToken && value != "" {
			checkout, made := clues.tokens[HashToken(value)]
			if made && checkout.Account == r.next.Account && clues.honors(value, r) {
				return checkout.Customer
			}
		} else if value != "" && billing.CheckRef(value) == nil {
			return value
		}
	}
	return ""
}

// followed is the customer of what a row hangs on.
func (w *writing) followed(r *row, clues clues) string {
	for _, key := range clues.hangsOn(r) {
		if customer := w.whose(key, clues); customer != "" {
			return customer
		}
	}
	return ""
}

// whose is the customer of an object.
func (w *writing) whose(key string, clues clues) string {
	if r, now := w.rows[key]; now && r.next.Customer != "" {
		return r.next.Customer
	}
	return cmp.Or(clues.objects[key].Customer, clues.proven[key])
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
