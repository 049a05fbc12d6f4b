package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// person is a customer of the shop.
type person struct {
	ref    string
	chance *sim.Stream
	home   home
	phone  string
	// emails counts the addresses they have had.
	emails int
	// visits are their checkouts that were made, in order.
	visits []visit
	// refused counts checkouts that the service refused because they have a
	// subscription; asked numbers what the application asks for on their behalf.
	refused, asked int
}

// home is where a person is from.
type home struct{ name, locale, zone string }

// homes are people of every language that there are words in, and of some varieties.
func homes() []home {
	return []home{
		{"Alex Reed", "en-US", "America/Chicago"}, {"Jana Vogel", "de-DE", "Europe/Berlin"}, {"Camille Roux", "fr-FR", "Europe/Paris"},
		{"Lucía Vega", "es-ES", "Europe/Madrid"}, {"Rafael Lima", "pt-BR", "America/Sao_Paulo"}, {"佐藤 葵", "ja-JP", "Asia/Tokyo"},
		{"王芳", "zh-CN", "Asia/Shanghai"}, {"Niamh Byrne", "en-IE", "Europe/Dublin"}, {"Lukas Huber", "de-AT", "Europe/Vienna"},
		{"Valeria Ríos", "es-MX", "America/Mexico_City"},
	}
}

// visit is a checkout that a person was sent to.
type visit struct {
	account *account
	offer   offer
	page    page
}

// streamOf is the number of the first person's stream of decisions.
const streamOf = 5000

// populate plans everybody's first visit and the rhythm of their days.
func (w *world) populate() {
	for i := range w.Customers {
		p := &person{ref: fmt.Sprintf("user_%d", i+1), chance: sim.NewStream(w.Seed, streamOf+uint64(i)), home: homes()[i%len(homes())], phone: fmt.Sprintf("+1555%07d", i)}
		w.people = append(w.people, p)
		span := min(time.Duration(w.Days)*24*time.Hour/3, 10*24*time.Hour)
		first := begins.Add(p.chance.Between(time.Minute, span))
		w.agenda.add(first, func(ctx context.Context) error { return w.join(ctx, p) })
		w.agenda.add(first.Add(p.chance.Between(24*time.Hour, 48*time.Hour)), func(ctx context.Context) error { return w.dayOf(ctx, p) })
	}
}

func (p *person) email() string {
	if p.emails == 0 {
		return p.ref + "@example.com"
	}
	return fmt.Sprintf("%s+%d@example.com", p.ref, p.emails)
}

func (p *person) profile() profile {
	return profile{
		Email: p.email(), Name: p.home.name, Locale: p.home.locale, TimeZone: p.home.zone,
		Attributes: map[string]any{"phone": p.phone, "sms": true},
	}
}

// join is how a person becomes a customer: the application tells the service who they
// are, and they buy.
func (w *world) join(ctx context.Context, p *person) error {
	if err := w.desk.introduce(ctx, p.ref, p.profile()); err != nil {
		return err
	}
	return w.shop(ctx, p, 0)
}

// later plans what a person does after a while.
func (w *world) later(d time.Duration, do func(ctx context.Context) error) {
	w.agenda.add(w.clock.Now().Add(d), do)
}

// retries is how often the application asks for a checkout that could not be
// made: an outage may take six hours.
const retries = 15

// shop sends a person to a checkout.
func (w *world) shop(ctx context.Context, p *person, try int) error {
	a := sim.Pick(p.chance, w.accounts)
	return w.buy(ctx, p, a, choose(p.chance, a.offers), try)
}

func choose(chance *sim.Stream, offers []offer) offer {
	total := 0
	for _, o := range offers {
		total += o.weight
	}
	n := chance.Intn(total)
	for _, o := range offers {
		if n -= o.weight; n < 0 {
			return o
		}
	}
	return offers[0]
}

func (w *world) buy(ctx context.Context, p *person, a *account, o offer, try int) error {
	request := order{
		Customer: p.ref, Plan: o.plan, Provider: a.name, Price: o.price, Email: p.email(), Locale: p.home.locale,
		SuccessURL: "https://app.demo.test/welcome", CancelURL: "https://app.demo.test/pricing", PromotionCodes: o.code != "",
	}
	if o.trial > 0 {
		end := w.clock.Now().AddDate(0, 0, o.trial)
		request.TrialEnd = &end
	}
	p.asked++
	made, err := w.desk.checkout(ctx, request, p.key("checkout"))
	no, refused := errors.AsType[*refusal](err)
	switch {
	case conflicts(err):
		p.refused++ // there is a subscription already
		return nil
	case refused && no.Status >= http.StatusInternalServerError:
		if try < retries {
			w.later(p.chance.Between(5*time.Minute, 40*time.Minute), func(ctx context.Context) error { return w.buy(ctx, p, a, o, try+1) })
		}
		return nil
	case err != nil:
		return err
	}
	v := visit{account: a, offer: o, page: made}
	p.visits = append(p.visits, v)
	w.wishes.checkout(v, p)
	w.later(p.chance.Between(30*time.Second, 10*time.Minute), func(ctx context.Context) error { return w.pay(ctx, p, v, habit(p)) })
	return nil
}

// key is an idempotency key for what the application asks next.
func (p *person) key(what string) string { return fmt.Sprintf("demo:%s:%s:%d", what, p.ref, p.asked) }

// habit is what a person clicks on the payment page, in order.
func habit(p *person) []string {
	habits := []struct {
		weight int
		clicks []string
	}{
		{50, []string{"good"}},
		{10, []string{"declined", "good"}},
		{9, []string{"3ds", "authenticate"}},
		{3, []string{"3ds", "refuse", "good"}},
		{8, []string{"debit"}},
		{3, []string{"debit_fails"}},
		{6, []string{"later_fails"}},
		{7, []string{"abandon"}},
		{4, []string{"declined", "abandon"}},
	}
	n := p.chance.Intn(100)
	for _, h := range habits {
		if n -= h.weight; n < 0 {
			return h.clicks
		}
	}
	return habits[0].clicks
}

// dayOf is one day of the application with a person: it may ask for something,
// and they may buy again.
func (w *world) dayOf(ctx context.Context, p *person) error {
	if w.stopped {
		return nil
	}
	w.later(24*time.Hour, func(ctx context.Context) error { return w.dayOf(ctx, p) })
	if p.chance.Chance(0.01) {
		if err := w.shop(ctx, p, 0); err != nil {
			return err
		}
	}
	return w.wish(ctx, p)
}
