package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// How far back a transaction with the same key is looked for. One that is not
// found is no harm: nobody has its address, and a transaction that nobody opens
// costs nobody anything.
const (
	lookBack      = time.Hour
	lookBackPages = 5
)

// CreateCheckout implements [provider.Checkouter] by a transaction that is made
// here and paid on the page of the merchant's default payment link, where Paddle.js
// opens it. Made here and not in the browser, so that the buyer can change neither
// what is bought nor whom it belongs to. Token, reference, key and return address
// are its custom data, which Paddle copies to the subscription.
//
// A trial is part of a price at Paddle and cannot be given with a checkout; one
// that is asked for is refused, for the customer would be charged at once. Paddle
// takes neither an address to cancel to nor a date to close the page on.
func (d *Driver) CreateCheckout(ctx context.Context, request provider.CheckoutRequest) (provider.CheckoutPage, error) {
	const op = "create checkout"
	if why := checkRequest(request); why != "" {
		return provider.CheckoutPage{}, d.refused(op, why)
	}
	if !request.TrialEnd.IsZero() {
		return provider.CheckoutPage{}, &provider.Error{
			Account: d.account, Op: op, Kind: provider.Unsupported,
			Err: errors.New("a trial is part of a price at Paddle: make a price with a trial period and sell that"),
		}
	}
	t, found, err := d.madeBefore(ctx, op, request)
	if err != nil {
		return provider.CheckoutPage{}, err
	}
	if !found {
		if t, err = call[sdk.Transaction](keyed(ctx, request.Key), d, op, func(ctx context.Context) error {
			_, err := d.api.CreateTransaction(ctx, transactionOf(request))
			return err
		}); err != nil {
			return provider.CheckoutPage{}, err
		}
	}
	if !isName(t.ID) || t.Checkout == nil || maybe(t.Checkout.URL) == "" {
		return provider.CheckoutPage{}, d.malformed(op,
			errors.New("the answer has no id or no address of the page: set the default payment link in the Paddle dashboard, Checkout, Settings"))
	}
	return provider.CheckoutPage{Ref: d.ref(billing.KindCheckout, t.ID), URL: *t.Checkout.URL}, nil
}

// ReturnedRef implements [provider.Checkouter]. Nothing else of the address is read,
// whatever it says about users or amounts.
func (d *Driver) ReturnedRef(query url.Values) (provider.Ref, error) {
	id := query.Get("_ptxn")
	if !strings.HasPrefix(id, "txn_") || !isName(id) {
		return provider.Ref{}, d.refused("read the return address", "it names no transaction")
	}
	return d.ref(billing.KindCheckout, id), nil
}

func transactionOf(request provider.CheckoutRequest) *sdk.CreateTransactionRequest {
	create := &sdk.CreateTransactionRequest{CustomData: sdk.CustomData{
		dataToken: request.Token, dataCustomer: request.Customer, dataKey: named(request.Key), dataReturn: request.ReturnURL,
	}}
	for _, item := range request.Items {
		create.Items = append(create.Items, *sdk.NewCreateTransactionItemsTransactionItemFromCatalog(&sdk.TransactionItemFromCatalog{
			PriceID: item.Price, Quantity: int(max(1, item.Quantity)),
		}))
	}
	if request.Owner != "" {
		create.CustomerID = &request.Owner
	}
	return create
}

func checkRequest(request provider.CheckoutRequest) (why string) {
	switch why := request.Problem(maxDataValue); {
	case why != "":
		return why
	case request.Owner != "" && !isName(request.Owner):
		return "no Paddle customer can have this id"
	}
	for _, item := range request.Items {
		if !isName(item.Price) {
			return "an item's price is not the id of a Paddle price"
		}
		if item.Quantity > 1<<20 {
			return "an item's quantity is more than Paddle sells"
		}
	}
	return ""
}

// madeBefore looks for the transaction that an earlier call with the same key made.
func (d *Driver) madeBefore(ctx context.Context, op string, request provider.CheckoutRequest) (t sdk.Transaction, found bool, err error) {
	query := &sdk.ListTransactionsRequest{
		Origin: []string{string(sdk.TransactionOriginAPI)}, OrderBy: sdk.PtrTo("created_at[DESC]"), PerPage: sdk.PtrTo(30),
	}
	if request.Owner != "" {
		query.CustomerID = []string{request.Owner}
	}
	oldest := d.now().Add(-lookBack)
	for range lookBackPages {
		rows, more, err := list(ctx, d, op, func(ctx context.Context) error {
			_, err := d.api.ListTransactions(ctx, query)
			return err
		})
		if err != nil {
			return t, false, err
		}
		for _, row := range rows {
			var t sdk.Transaction
			if json.Unmarshal(row, &t) != nil || !isName(t.ID) {
				continue
			}
			if plain(t.CustomData[dataKey]) == named(request.Key) && plain(t.CustomData[dataToken]) == request.Token {
				return t, true, nil
			}
			query.After = &t.ID
			more = more && !moment(t.CreatedAt).Before(oldest)
		}
		if !more {
			break
		}
	}
	return t, false, nil
}
