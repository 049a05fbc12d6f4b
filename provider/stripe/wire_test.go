package stripe

import (
	"reflect"
	"strings"
	"testing"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// What we read of an object must be there: every name is one of stripe-go's, in an
// object of the same sort.
func TestObjectsAreStripes(t *testing.T) {
	for _, pair := range [][2]any{
		{customer{}, sdk.Customer{}}, {subscription{}, sdk.Subscription{}}, {invoice{}, sdk.Invoice{}}, {paymentIntent{}, sdk.PaymentIntent{}},
		{charge{}, sdk.Charge{}}, {refund{}, sdk.Refund{}}, {dispute{}, sdk.Dispute{}}, {warning{}, sdk.RadarEarlyFraudWarning{}},
		{session{}, sdk.CheckoutSession{}},
	} {
		ours, theirs := reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1])
		compareNames(t, ours.Name(), ours, theirs)
	}
}

func compareNames(t *testing.T, path string, ours, theirs reflect.Type) {
	t.Helper()
	for ours.Kind() == reflect.Pointer || ours.Kind() == reflect.Slice {
		ours = ours.Elem()
	}
	for theirs.Kind() == reflect.Pointer || theirs.Kind() == reflect.Slice {
		theirs = theirs.Elem()
	}
	if ours.Kind() != reflect.Struct || theirs.Kind() != reflect.Struct {
		if ours.Kind() != theirs.Kind() {
			t.Errorf("%s is a %s of ours and a %s of Stripe's", path, ours.Kind(), theirs.Kind())
		}
		return
	}
	names := func(of reflect.Type) map[string]reflect.Type {
		all := map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(of) { // a list's has_more is of what it embeds
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			all[name] = f.Type
		}
		return all
	}
	known := names(theirs)
	for name, of := range names(ours) {
		if other, found := known[name]; found {
			compareNames(t, path+"."+name, of, other)
		} else {
			t.Errorf("%s has no %s", path, name)
		}
	}
}

// One object that cannot be read does not keep the others from being read; a list that
// is none, or an object without an id, must not pass for "there is nothing".
func TestPagesThatCannotBeRead(t *testing.T) {
	good, bad := `{"id":"cus_1","object":"customer","email":"a@b.test"}`, `{"id":"cus_2","object":"customer","created":"yesterday"}`
	for body, want := range map[string]string{
		`{"object":"list","has_more":false,"data":[` + good + `]}`:                    "1 0",
		`{"object":"list","has_more":true,"data":[` + good + `,` + bad + `]}`:         "1 1 cus_2",
		`{"object":"list","has_more":true,"data":[` + bad + `,` + good + `]}`:         "1 1 cus_1",
		`{"object":"list","has_more":true,"data":[]}`:                                 "0 0",
		`{"object":"list","has_more":false,"data":[{"email":"a@b.test"}]}`:            "malformed",
		`{"object":"list","has_more":false,"data":[` + good + `,{"created":"soon"}]}`: "malformed",
		`{"object":"list","has_more":false,"data":null}`:                              "malformed",
		`{"object":"list","data":[]}`:                                                 "malformed",
		`{"object":"customer","id":"cus_1"}`:                                          "malformed",
		`[]`:                                                                          "malformed",
		`{"object":"list","has_more":false,"data":[` + good:                           "malformed",
	} {
		f := &fake{answers: map[string]string{"GET /prefix/v1/customers": body}}
		page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindCustomer})
		got := strings.TrimSpace(strings.Join([]string{string(rune('0' + len(page.Snapshots))), string(rune('0' + len(page.Unread))), page.Next}, " "))
		if err != nil {
			got = string(provider.KindOf(err))
		}
		if got != want {
			t.Errorf("%s: %s, want %s; %v", body, got, want, err)
		}
	}
}
