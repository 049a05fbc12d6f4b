// Package stripe is a simulated Stripe: a stateful twin of the API (the shapes
// of 2026-03-25.dahlia), the hosted checkout and portal pages, and the sender
// of signed webhooks, all on virtual time and with seeded faults.
//
// A Server is made with New. It is an http.Handler by Handler, or a transport
// in the same process by sim.Transport(s.Handler()). Its world moves when the
// clock does: every API call and every Advance first carries out what fell due
// meanwhile (renewals, retries, ends of trials, disputes and, with Life rates,
// whatever customers and the people at the dashboard do). Webhooks leave by
// Deliver, in the order in which they are due.
//
//	clock := sim.NewClock(start)
//	world := stripe.New(stripe.Config{Seed: 7, Clock: clock, WebhookURL: hook})
//	for at, ok := world.NextAt(); ok && at.Before(end); at, ok = world.NextAt() {
//		world.Advance(at)
//		world.Deliver(ctx, post)
//	}
//
// Truth and Effects are the oracle: what a service in step with this world must
// believe, and what it did to the world. They are worked out here, from the
// objects themselves, and share nothing with the driver under test.
//
// What it does not do: taxes but one percentage on all invoices, Connect, metered
// prices, quotes, schedules but those that SchedulePrice makes, test clocks, and payment methods other than cards and SEPA debits.
package stripe
