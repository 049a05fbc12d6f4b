package api

import (
	"context"
	"time"

	"github.com/trivetdev/trivet/internal/store"
)

// Message is the proof of what was said to a customer.
type Message struct {
	ID       string `json:"id"`
	Effect   string `json:"effect" doc:"The key of the effect that it was: GET /v1/effects/{key} says who asked for it."`
	Customer string `json:"customer"`
	Template string `json:"template" doc:"What was said, such as trial_ending."`
	Channel  string `json:"channel" doc:"email, sms, inapp, or a channel of your own."`
	Locale   string `json:"locale" doc:"The language of the words."`
	// Recipient is the address as it was used; a second one got a copy.
	Recipient string    `json:"recipient" doc:"The address, number or customer that it went to; after a comma, the address that got a copy."`
	Thread    string    `json:"thread"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body" doc:"The text as it was sent."`
	Receipt   string    `json:"receipt" doc:"How the other side names it, if it does."`
	SentAt    time.Time `json:"sent_at"`
}

func messageOf(m store.Message) Message {
	return Message{
		ID: messageIDs + numbered(m.Seq), Effect: m.Key, Customer: m.Customer, Template: m.Template, Channel: m.Channel, Locale: m.Locale,
		Recipient: m.Recipient, Thread: m.Thread, Subject: m.Subject, Body: m.Body, Receipt: m.Receipt, SentAt: m.SentAt.UTC(),
	}
}

func (s *server) messageOperations() {
	type listInput struct {
		ListInput
		Customer string `query:"customer"`
		Template string `query:"template"`
		Channel  string `query:"channel"`
	}
	add(s, get("/v1/messages", "list-messages", "messages", "List what was said to customers and when, newest first"),
		func(ctx context.Context, in *listInput) (*pageOutput[Message], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Messages(ctx, store.MessageFilter{
				Customer: in.Customer, Template: in.Template, Channel: in.Channel, Before: before, Limit: in.Limit + 1,
			})
			return page(rows, in.Limit, func(m store.Message) string { return numbered(m.Seq) }, messageOf), err
		})
}
