package paypal

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// dispute is as much of PayPal's as we read.
type dispute struct {
	ID         string `json:"dispute_id"`
	Status     string
	Stage      string `json:"dispute_life_cycle_stage"`
	Channel    string `json:"dispute_channel"`
	Reason     string
	Amount     *amount   `json:"dispute_amount"`
	Due        time.Time `json:"seller_response_due_date"`
	CreateTime time.Time `json:"create_time"`
	UpdateTime time.Time `json:"update_time"`
	Outcome    struct {
		Code string `json:"outcome_code"`
	} `json:"dispute_outcome"`
	Transactions []disputedTransaction `json:"disputed_transactions"`
}

type disputedTransaction struct {
	ID    string  `json:"seller_transaction_id"`
	Gross *amount `json:"gross_amount"`
}

// part is one of ours of a dispute of PayPal's: that about one transaction.
type part struct {
	id, transaction string
	gross           *amount
}

// disputeIDs names the parts of a dispute. The order of the ids, not PayPal's,
// decides which of several is the first.
func disputeIDs(id string, transactions []disputedTransaction) []part {
	sorted := slices.Clone(transactions)
	slices.SortFunc(sorted, func(a, b disputedTransaction) int { return strings.Compare(a.ID, b.ID) })
	sorted = slices.CompactFunc(sorted, func(a, b disputedTransaction) bool { return a.ID == b.ID })
	if len(sorted) == 0 {
		return []part{{id: id}}
	}
	parts := make([]part, len(sorted))
	for i, t := range sorted {
		parts[i] = part{id, t.ID, t.Gross}
		if i > 0 {
			parts[i].id += "." + t.ID
		}
	}
	return parts
}

// wholeOf is the id of PayPal's dispute that a part belongs to. PayPal's own ids
// have no dot.
func wholeOf(id string) string {
	whole, _, _ := strings.Cut(id, ".")
	return whole
}

func (d *Driver) getDispute(ctx context.Context, op, id string) (*dispute, error) {
	var x dispute
	if err := d.get(ctx, op, "/v1/customer/disputes/"+id, nil, &x); err != nil {
		return nil, err
	}
	if x.ID != id {
		return nil, d.malformed(op, errOther)
	}
	return &x, nil
}

func (d *Driver) fetchDispute(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := "fetch dispute " + ref.ID
	x, err := d.getDispute(ctx, op, wholeOf(ref.ID))
	if err != nil {
		return provider.Snapshot{}, err
	}
	all, err := d.dispute(x)
	if err != nil {
		return provider.Snapshot{}, d.malformed(op, err)
	}
	for _, snapshot := range all {
		if snapshot.Ref.ID == ref.ID {
			snapshot.Version = x.version()
			return snapshot, nil
		}
	}
	return provider.Snapshot{}, &provider.Error{
		Account: d.account, Op: op, Kind: provider.NotFound, Err: fmt.Errorf("the dispute is not about this transaction"),
	}
}

// dispute translates a dispute: one of ours for each transaction.
func (d *Driver) dispute(x *dispute) ([]provider.Snapshot, error) {
	whole, err := x.Amount.money()
	if err != nil {
		return nil, fmt.Errorf("dispute %s: %w", x.ID, err)
	}
	parts := disputeIDs(x.ID, x.Transactions)
	var all []provider.Snapshot
	for _, p := range parts {
		object := billing.Dispute{
			Status: disputeStatus(x), ProviderStatus: x.Status, Amount: whole, Payment: p.transaction, Reason: x.Reason,
			DueBy: x.Due.UTC(), CreatedAt: x.CreateTime.UTC(),
		}
		if x.Due.IsZero() {
			object.DueBy = time.Time{}
		}
		if len(parts) > 1 {
			if object.Amount, err = p.gross.money(); err != nil {
				return nil, fmt.Errorf("dispute %s: %w", x.ID, err)
			}
		}
		s := provider.Snapshot{Ref: d.ref(billing.KindDispute, p.id), Object: object}
		for _, other := range parts {
			if other.id != p.id {
				s.Related = append(s.Related, d.ref(billing.KindDispute, other.id))
			}
		}
		if isName(p.transaction) {
			s.Related = append(s.Related, d.ref(billing.KindPayment, p.transaction))
		}
		all = append(all, s)
	}
	return all, nil
}

// disputeStatus translates. An outcome that nobody knows leaves the dispute open:
// somebody should look.
func disputeStatus(x *dispute) billing.DisputeStatus {
	if x.Status == "RESOLVED" {
		switch x.Outcome.Code {
		case "RESOLVED_BUYER_FAVOUR", "ACCEPTED":
			return billing.DisputeLost
		case "RESOLVED_SELLER_FAVOUR", "RESOLVED_WITH_PAYOUT", "CANCELED_BY_BUYER", "DENIED":
			return billing.DisputeWon
		}
		return billing.DisputeOpen
	}
	if x.Stage == "INQUIRY" || x.Channel == "ALERT" {
		return billing.DisputeInquiry
	}
	return billing.DisputeOpen
}

// disputeHistory is how far back PayPal lists disputes.
const disputeHistory = 180 * 24 * time.Hour

// listDisputes reads one page of the list, and each dispute of it by itself: the
// list tells neither transactions nor outcomes. Disputes are few.
func (d *Driver) listDisputes(ctx context.Context, query provider.Query) (provider.Page, error) {
	const op = "list dispute"
	q := url.Values{"page_size": {"50"}, "start_time": {d.now().Add(time.Hour - disputeHistory).UTC().Format("2006-01-02T15:04:05.000Z")}}
	if query.After != "" {
		begun, token, _ := strings.Cut(query.After, "|")
		q.Set("start_time", begun)
		q.Set("next_page_token", token)
	}
	var answer struct {
		Items *[]struct {
			ID string `json:"dispute_id"`
		}
		Links []link
	}
	if err := d.get(ctx, op, "/v1/customer/disputes", q, &answer); err != nil {
		return provider.Page{}, err
	}
	if answer.Items == nil {
		return provider.Page{}, d.malformed(op, errNotAList)
	}
	var page provider.Page
	for _, item := range *answer.Items {
		if !isName(item.ID) {
			return provider.Page{}, d.malformed(op, fmt.Errorf("a dispute of the list has no id"))
		}
		if err := d.addDispute(ctx, &page, item.ID); err != nil {
			return provider.Page{}, err
		}
	}
	if next := nextQuery(answer.Links); next.Get("next_page_token") != "" {
		page.Next = q.Get("start_time") + "|" + next.Get("next_page_token")
	}
	return page, nil
}

func (d *Driver) addDispute(ctx context.Context, page *provider.Page, id string) error {
	x, err := d.getDispute(ctx, "fetch dispute "+id, id)
	var all []provider.Snapshot
	if err == nil {
		all, err = d.dispute(x)
		err = d.explained("list dispute", err)
	}
	if err != nil {
		return d.add(page, d.ref(billing.KindDispute, id), provider.Snapshot{}, err)
	}
	page.Snapshots = append(page.Snapshots, all...)
	return nil
}
