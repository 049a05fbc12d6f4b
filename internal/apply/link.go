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
	objects map[string]store.Object   // owners and parents, by key
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
	for _, r := range w.order {
		clues.prove(r)
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
				clues.prove(r)
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
	found := clues{tokens: map[string]store.Checkout{}, buyers: map[string]string{}, objects: map[string]store.Object{}, proven: map[string]string{}}
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
	return found, err
}

// honors reports whether a token may bind a row. It is for one purchase: once the
// provider has told who went through the checkout, what belongs to somebody else has
// only copied the token, as scripts and carts do that copy metadata.
func (c clues) honors(token string, r *row) bool {
	buyer := c.buyers[HashToken(token)]
	return buyer == "" || r.next.Owner == "" || buyer == r.next.Owner
}

func (r *row) claims() map[string]string {
	var claims map[string]string
	_ = json.Unmarshal([]byte(r.next.Claims), &claims) // written by see
	return claims
}

// belongsTo lists the keys of the objects whose customer is this one's too. What it
// hangs on comes before whose it is: of several people who share a customer at the
// provider, each has subscriptions of their own, with invoices that follow them.
func (r *row) belongsTo() []string {
	var keys []string
	if r.next.Parent != "" {
		keys = append(keys, r.next.Account+"/"+r.next.Parent)
	}
	if r.next.Owner != "" {
		keys = append(keys, ownerKey(r.next))
	}
	return keys
}

// follows lists the keys of the objects by which a row is linked: all that it
// belongs to, save a customer of the provider who may be several people.
func (w *writing) follows(r *row) []string {
	keys := r.belongsTo()
	if provider.OwnersShared(w.Drivers[r.next.Account]) {
		return slices.DeleteFunc(keys, func(key string) bool { return key == ownerKey(r.next) })
	}
	if r.next.Owner != "" {
		keys = append(keys, ownerKey(r.next))
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
			if made && checkout.Account == r.next.Account && clues.honors(value, r) {
				return checkout.Customer, nil
			}
		} else if value != "" && billing.CheckRef(value) == nil {
			return value, nil
		}
	}
	for _, key := range w.follows(r) {
		if other, now := w.rows[key]; now && other.next.Customer != "" {
			return other.next.Customer, nil
		}
		if customer := cmp.Or(clues.objects[key].Customer, clues.proven[key]); customer != "" {
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
	if err := w.inherit(ctx, w.linked()); err != nil {
		return err
	}
	return w.rendezvous(ctx)
}

// linked lists the rows that this writing links.
func (w *writing) linked() (linked []*row) {
	for _, r := range w.order {
		if slices.Contains(r.kinds, billing.Linked) {
			linked = append(linked, r)
		}
	}
	return linked
}

func (w *writing) inherit(ctx context.Context, linked []*row) error {
	for len(linked) > 0 {
		heirs, err := w.heirs(ctx, linked)
		if err != nil {
			return err
		}
		if err := w.write(ctx, heirs); err != nil {
			return err
		}
		for _, r := range heirs {
			if r.sight == nil { // the others are there already
				w.order = append(w.order, r)
			}
		}
		linked = heirs
	}
	return nil
}

// rendezvous sees to what two writings would miss at the same moment: one links a
// customer, the other writes a first row of that customer's; neither sees the
// other's, and the row would stay unlinked until somebody looked again. Both take
// a lock on the customer's name. Whoever gets it second looks once more.
func (w *writing) rendezvous(ctx context.Context) error {
	linked := w.linked()
	var open []*row
	names := map[string]bool{}
	for _, r := range linked {
		names[r.next.Key] = true
		for _, key := range r.belongsTo() {
			names[key] = true
		}
	}
	for _, r := range w.order {
		if r.before != nil || len(r.kinds) == 0 || r.next.Customer != "" {
			continue
		}
		open = append(open, r)
		names[r.next.Key] = true
		for _, key := range r.belongsTo() {
			names[key] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	if alone, err := w.tx.LockNames(ctx, sortedKeys(names)); err != nil || alone {
		return err
	}
	late, err := w.latecomers(ctx, open)
	if err != nil {
		return err
	}
	if err := w.write(ctx, late); err != nil {
		return err
	}
	return w.inherit(ctx, append(linked, late...))
}

// latecomers links the rows whose owner was linked by another writing just now.
func (w *writing) latecomers(ctx context.Context, open []*row) (late []*row, err error) {
	if len(open) == 0 {
		return nil, nil
	}
	clues, err := w.clues(ctx, open)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		customer, err := w.ownerOf(ctx, r, clues)
		if err != nil {
			return nil, err
		}
		if customer != "" {
			r.bind(customer)
			r.again = true
			late = append(late, r)
		}
	}
	return late, nil
}

// heirs lists the unlinked rows that take over the customer of linked ones.
func (w *writing) heirs(ctx context.Context, linked []*row) ([]*row, error) {
	heirs := map[string]string{} // key to customer
	customers := map[string]string{}
	for _, r := range linked {
		if billing.Kind(r.next.Kind) != billing.KindCustomer || !provider.OwnersShared(w.Drivers[r.next.Account]) {
			customers[r.next.Key] = r.next.Customer
		}
		for _, key := range r.belongsTo() {
			heirs[key] = r.next.Customer
		}
	}
	dependents, err := w.tx.Dependents(ctx, sortedKeys(customers))
	if err != nil {
		return nil, err
	}
	for _, d := range dependents {
		if customer, hanging := customers[d.Account+"/"+d.Parent]; hanging {
			heirs[d.Key] = customer
		} else if customer := customers[ownerKey(d)]; customer != "" {
			heirs[d.Key] = customer
		}
	}
	rows := w.heirsHere(heirs)
	if len(heirs) == 0 {
		return rows, nil
	}
	objects, err := w.tx.LockObjects(ctx, sortedKeys(heirs))
	if err != nil {
		return nil, err
	}
	if err := w.outnumber(ctx, objects); err != nil {
		return nil, err
	}
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

// heirsHere takes out of the heirs those that are part of this writing already,
// and links those of them that are not linked yet.
func (w *writing) heirsHere(heirs map[string]string) (rows []*row) {
	for _, key := range sortedKeys(heirs) {
		r, now := w.rows[key]
		if !now {
			continue
		}
		if r.next.Customer == "" && !r.sight.outcome.Overtaken {
			r.bind(heirs[key])
			r.again = true
			rows = append(rows, r)
		}
		delete(heirs, key)
	}
	return rows
}

// outnumber draws this writing's number anew if one of the rows, which were
// locked after it was drawn, has been written with a greater one since.
func (w *writing) outnumber(ctx context.Context, locked []store.Object) error {
	if !slices.ContainsFunc(locked, func(o store.Object) bool { return o.Applied > w.applied }) {
		return nil
	}
	numbers, err := w.tx.Numbers(ctx, 1)
	if err == nil {
		w.applied = numbers[0]
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
