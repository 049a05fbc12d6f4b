package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// Customer is one of the application's users.
type Customer struct {
	Ref          string         `json:"ref" doc:"Your own user id."`
	Email        string         `json:"email"`
	ReceiptEmail string         `json:"receipt_email"`
	Name         string         `json:"name"`
	Locale       string         `json:"locale"`
	TimeZone     string         `json:"time_zone"`
	Attributes   map[string]any `json:"attributes"`
	Covered      []string       `json:"covered" nullable:"false"`
	Banned       *Ban           `json:"banned"`
	// Sequence grows with every change of the customer's access.
	Sequence  int64     `json:"sequence" doc:"Grows with every change of what the customer may do."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Ban is why a customer may do nothing.
type Ban struct {
	_      struct{}  `nullable:"true"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
}

// CustomerSettings is what the application says about its user. It replaces what
// was said before.
type CustomerSettings struct {
	Email        string         `json:"email,omitempty" maxLength:"320" doc:"Where notices go. A changed address is passed on to the providers."`
	ReceiptEmail string         `json:"receipt_email,omitempty" maxLength:"320" doc:"Where receipts go, if elsewhere; email gets a copy of them."`
	Name         string         `json:"name,omitempty" maxLength:"200"`
	Locale       string         `json:"locale,omitempty" maxLength:"35" doc:"A BCP 47 tag, such as de-AT."`
	TimeZone     string         `json:"time_zone,omitempty" maxLength:"64" doc:"An IANA name, such as Europe/Vienna."`
	Attributes   map[string]any `json:"attributes,omitempty" doc:"Free facts for rules to use: {\"verified_domains\": 2}."`
	Covered      []string       `json:"covered,omitempty" nullable:"false" maxItems:"200" doc:"What notices show as covered by the plan: domains, seats, projects; each at most 200 characters."`
}

// CustomerInput names a customer.
type CustomerInput struct {
	Ref string `path:"ref" maxLength:"600" doc:"Your own user id; a slash in it is written %2F."`
}

// rowsInput asks for a list that a customer has.
type rowsInput struct {
	CustomerInput
	ListInput
}

type customerOutput struct{ Body Customer }

func (s *server) customerOperations() {
	type putInput struct {
		CustomerInput
		Body CustomerSettings
	}
	add(s, get("/v1/customers", "list-customers", "customers", "List customers by their references"), s.listCustomers)
	add(s, get("/v1/customers/{ref}", "get-customer", "customers", "Show a customer"), s.getCustomer)
	add(s, with(operation(scope.Write, http.MethodPut, "/v1/customers/{ref}", "put-customer", "customers", "Say who a customer is"), http.StatusOK,
		"Makes the customer, or replaces what was said before: a field that is left out is emptied."),
		func(ctx context.Context, in *putInput) (*customerOutput, error) {
			return s.putCustomer(ctx, in.Ref, in.Body)
		})
	add(s, get("/v1/customers/{ref}/subscriptions", "list-customer-subscriptions", "customers", "List a customer's subscriptions"),
		func(ctx context.Context, in *rowsInput) (*pageOutput[Subscription], error) {
			return objects(ctx, s, in.Ref, in.ListInput, billing.KindSubscription, s.subscription)
		})
	add(s, get("/v1/customers/{ref}/payments", "list-customer-payments", "customers", "List a customer's payments"),
		func(ctx context.Context, in *rowsInput) (*pageOutput[Payment], error) {
			return objects(ctx, s, in.Ref, in.ListInput, billing.KindPayment, payment)
		})
	add(s, get("/v1/customers/{ref}/entitlements", "list-customer-entitlements", "customers", "Answer for all features at once"),
		func(ctx context.Context, in *rowsInput) (*pageOutput[Check], error) {
			return s.listEntitlements(ctx, in.Ref, in.ListInput)
		})
	add(s, with(get("/v1/customers/{ref}/state", "get-customer-state", "customers", "Show all that your application needs to know of a customer"), http.StatusOK,
		"What your endpoints are sent as the data of customer.state_changed."), s.getState)
	add(s, with(get("/v1/customers/{ref}/timeline", "list-customer-timeline", "customers", "List what happened to a customer, newest first"), http.StatusOK,
		"The rows of the audit trail that concern the customer: what changed, before and after, and what led to it."),
		func(ctx context.Context, in *rowsInput) (*pageOutput[Change], error) {
			return s.timeline(ctx, in.Ref, in.ListInput)
		})
}

func (s *server) listCustomers(ctx context.Context, in *ListInput) (*pageOutput[Customer], error) {
	after, err := in.key()
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Customers(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	var broken error
	out := page(rows, in.Limit, func(c store.Customer) string { return c.Ref }, func(row store.Customer) Customer {
		c, err := customerOf(row)
		broken = errors.Join(broken, err)
		return c
	})
	return out, broken
}

func (s *server) getCustomer(ctx context.Context, in *CustomerInput) (*customerOutput, error) {
	row, err := s.knownCustomer(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	c, err := customerOf(row)
	return &customerOutput{c}, err
}

// knownCustomer reads a customer, or tells how to make one.
func (s *server) knownCustomer(ctx context.Context, ref string) (store.Customer, error) {
	row, err := s.DB.Customer(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return row, notFoundf("There is no customer %q yet: PUT /v1/customers/{ref} or a checkout makes one.", ref)
	}
	return row, err
}

func customerOf(row store.Customer) (Customer, error) {
	var doc billing.Customer
	if err := json.Unmarshal([]byte(row.Doc), &doc); err != nil {
		return Customer{}, err
	}
	c := Customer{
		Ref: row.Ref, Email: doc.Email, ReceiptEmail: doc.ReceiptEmail, Name: doc.Name, Locale: doc.Locale, TimeZone: doc.TimeZone,
		Attributes: doc.Attributes, Covered: listOf(doc.Covered), Sequence: row.Sequence,
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
	if c.Attributes == nil {
		c.Attributes = map[string]any{}
	}
	if doc.Ban != nil {
		c.Banned = &Ban{At: doc.Ban.At.UTC(), Reason: doc.Ban.Reason, By: doc.Ban.By}
	}
	return c, nil
}

var (
	// An address is good if a mail could be sent to it; whether one arrives only a
	// mail can tell.
	mailAddress = regexp.MustCompile(`^[^@\s[:cntrl:]<>,;]+@[^@\s[:cntrl:]<>,;]+$`)
	localeTag   = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`)
)

// longestCovered bounds what stands in the middle of a sentence.
const longestCovered = 200

func (c CustomerSettings) check() error {
	for field, address := range map[string]string{"email": c.Email, "receipt_email": c.ReceiptEmail} {
		if address != "" && !mailAddress.MatchString(address) {
			return invalidf("body.%s: %q is not an address: write it like dana@example.com.", field, address)
		}
	}
	if c.Locale != "" && !localeTag.MatchString(c.Locale) {
		return invalidf("body.locale: %q is not a locale: write it like de or pt-BR.", c.Locale)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
		return invalidf("body.time_zone: %q is not a time zone: write it like Europe/Vienna.", c.TimeZone)
	}
	for i, item := range c.Covered {
		if n := utf8.RuneCountInString(item); n > longestCovered {
			return invalidf("body.covered: number %d has %d characters: notices have room for %d.", i+1, n, longestCovered)
		}
		if strings.TrimSpace(item) == "" {
			return invalidf("body.covered: number %d is empty: leave it out.", i+1)
		}
	}
	return nil
}

func (s *server) putCustomer(ctx context.Context, ref string, settings CustomerSettings) (*customerOutput, error) {
	if err := billing.CheckRef(ref); err != nil {
		return nil, invalidf("path.ref: %s.", err)
	}
	if err := settings.check(); err != nil {
		return nil, err
	}
	_, err := s.Apply.SetCustomer(ctx, billing.Customer{
		Ref: ref, Email: settings.Email, ReceiptEmail: settings.ReceiptEmail, Name: settings.Name, Locale: settings.Locale,
		TimeZone: settings.TimeZone, Attributes: settings.Attributes, Covered: settings.Covered,
	}, requested(ctx, ""))
	if err != nil {
		return nil, err
	}
	return s.getCustomer(ctx, &CustomerInput{Ref: ref})
}

// requested is the cause of what a request does.
func requested(ctx context.Context, event string) apply.Cause {
	return apply.Cause{Trigger: apply.Request, Event: event, Actor: actor(ctx)}
}

// objects lists a customer's objects of a kind.
func objects[T any](ctx context.Context, s *server, ref string, list ListInput, kind billing.Kind, render func(store.Object) (T, error)) (*pageOutput[T], error) {
	if _, err := s.knownCustomer(ctx, ref); err != nil {
		return nil, err
	}
	after, err := list.key()
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Objects(ctx, store.ObjectFilter{Customer: ref, Kind: string(kind), After: after, Limit: list.Limit + 1})
	if err != nil {
		return nil, err
	}
	var broken error
	out := page(rows, list.Limit, func(o store.Object) string { return o.Key }, func(o store.Object) T {
		row, err := render(o)
		broken = errors.Join(broken, err)
		return row
	})
	return out, broken
}

func (s *server) listEntitlements(ctx context.Context, ref string, list ListInput) (*pageOutput[Check], error) {
	if _, err := s.knownCustomer(ctx, ref); err != nil {
		return nil, err
	}
	all, err := s.Apply.Entitlements(ctx, ref)
	if err != nil {
		return nil, err
	}
	return pageOf(all, list, func(e apply.Entitlement) string { return e.Feature }, func(e apply.Entitlement) Check {
		return checked(ref, e.Feature, e.Answer)
	})
}
