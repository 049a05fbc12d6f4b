package stripe

// flatVersion is the first version without the flat fields (Stripe, "basil").
const flatVersion = "2025-03-31"

func isLegacy(version string) bool { return version != "" && version < flatVersion }

// legacy gives an object the shapes before 2025-03-31: the period on the
// subscription instead of its items, and the subscription, payment intent and
// charge on the invoice itself.
func legacy(d doc) doc {
	switch d.Str("object") {
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
	items := inner(d, "items")
	rows, _ := items.Val("data").([]any)
	if len(rows) == 0 {
		return d
	}
	first, _ := rows[0].(doc)
	for _, key := range []string{"current_period_start", "current_period_end"} {
		if i := first.At(key); i >= 0 {
			out = append(out, first[i])
		}
	}
	bare := make([]any, len(rows))
	for i, r := range rows {
		it, _ := r.(doc)
		bare[i] = without(it, "current_period_start", "current_period_end")
	}
	list := append(doc{}, items...)
	list[list.At("data")].Val = bare
	out[out.At("items")].Val = list
	return without(out, "billing_mode", "billing_schedules", "managed_payments")
}

func legacyInvoice(d doc) doc {
	details := inner(inner(d, "parent"), "subscription_details")
	out := without(d, "parent", "amount_overpaid", "confirmation_secret")
	return append(out,
		field{"subscription", orNull(details.Str("subscription"))},
		field{"paid", d.Str("status") == "paid"},
	)
}

// inner is the object under a key, nil when there is none.
func inner(d doc, key string) doc {
	v, _ := d.Val(key).(doc)
	return v
}

// without is a copy that lacks some fields.
func without(d doc, keys ...string) doc {
	out := make(doc, 0, len(d))
next:
	for _, f := range d {
		for _, k := range keys {
			if f.Key == k {
				continue next
			}
		}
		out = append(out, f)
	}
	return out
}
