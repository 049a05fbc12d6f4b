package stripe

// flatVersion is the first version without the flat fields (Stripe, "basil").
const flatVersion = "2025-03-31"

func isLegacy(version string) bool { return version != "" && version < flatVersion }

// legacy gives an object the shapes before 2025-03-31: the period on the
// subscription instead of its items, and the subscription, payment intent and
// charge on the invoice itself.
func legacy(d doc) doc {
	switch d.str("object") {
	case "subscription":
		return legacySubscription(d)
	case "invoice":
		return legacyInvoice(d)
	}
	return d
}

// legacySubscription takes the period from the first item.
func legacySubscription(d doc) doc {
	out := append(doc{}, d...)
	items := d.doc("items")
	rows, _ := items.val("data").([]any)
	if len(rows) == 0 {
		return d
	}
	first, _ := rows[0].(doc)
	for _, key := range []string{"current_period_start", "current_period_end"} {
		if i := first.at(key); i >= 0 {
			out = append(out, first[i])
		}
	}
	bare := make([]any, len(rows))
	for i, r := range rows {
		it, _ := r.(doc)
		bare[i] = it.without("current_period_start", "current_period_end")
	}
	list := append(doc{}, items...)
	list[list.at("data")].val = bare
	out[out.at("items")].val = list
	return out.without("billing_mode", "billing_schedules", "managed_payments")
}

func legacyInvoice(d doc) doc {
	details := d.doc("parent").doc("subscription_details")
	out := d.without("parent", "amount_overpaid", "confirmation_secret")
	return append(out,
		field{"subscription", orNull(details.str("subscription"))},
		field{"paid", d.str("status") == "paid"},
	)
}

// doc is the object under a key, nil when there is none.
func (d doc) doc(key string) doc {
	v, _ := d.val(key).(doc)
	return v
}

func (d doc) val(key string) any {
	if i := d.at(key); i >= 0 {
		return d[i].val
	}
	return nil
}

// without is a copy that lacks some fields.
func (d doc) without(keys ...string) doc {
	out := make(doc, 0, len(d))
next:
	for _, f := range d {
		for _, k := range keys {
			if f.key == k {
				continue next
			}
		}
		out = append(out, f)
	}
	return out
}
