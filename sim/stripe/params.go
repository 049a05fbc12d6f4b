package stripe

import (
	"maps"
	"strings"
)

// allowed names the parameters of each call, as Stripe's published schema has
// them (2026-08-26). Anything else is refused, as Stripe does.
func allowed() map[string]string {
	all := allowedInReads()
	maps.Copy(all, allowedInWrites())
	return all
}

// allowedInReads are GET and DELETE.
func allowedInReads() map[string]string {
	return map[string]string{
		"DELETE /v1/customers/{id}":         "",
		"DELETE /v1/subscriptions/{id}":     "cancellation_details expand invoice_now prorate",
		"DELETE /v1/webhook_endpoints/{id}": "",
		"GET /v1/account":                   "expand",
		"GET /v1/balance_transactions/{id}": "expand",
		"GET /v1/charges":                   "created customer ending_before expand limit payment_intent starting_after transfer_group",
		"GET /v1/charges/{id}":              "expand",
		"GET /v1/checkout/sessions": "created customer customer_account customer_details ending_before expand limit payment_intent" + " " +
			"payment_link starting_after status subscription",
		"GET /v1/checkout/sessions/{id}":            "expand",
		"GET /v1/checkout/sessions/{id}/line_items": "ending_before expand limit starting_after",
		"GET /v1/coupons":                           "created ending_before expand limit starting_after",
		"GET /v1/coupons/{id}":                      "expand",
		"GET /v1/customers":                         "created email ending_before expand limit starting_after test_clock",
		"GET /v1/customers/{id}":                    "expand",
		"GET /v1/customers/{id}/payment_methods":    "allow_redisplay ending_before expand limit starting_after type",
		"GET /v1/disputes":                          "charge created ending_before expand limit payment_intent starting_after",
		"GET /v1/disputes/{id}":                     "expand",
		"GET /v1/events":                            "created delivery_success ending_before expand limit starting_after type types",
		"GET /v1/events/{id}":                       "expand",
		"GET /v1/invoice_payments":                  "created ending_before expand invoice limit payment starting_after status",
		"GET /v1/invoice_payments/{id}":             "expand",
		"GET /v1/invoices": "collection_method created customer customer_account due_date ending_before expand limit" + " " +
			"starting_after status subscription",
		"GET /v1/invoices/{id}":                   "expand",
		"GET /v1/invoices/{id}/lines":             "ending_before expand limit starting_after",
		"GET /v1/payment_intents":                 "created customer customer_account ending_before expand limit starting_after",
		"GET /v1/payment_intents/{id}":            "client_secret expand",
		"GET /v1/payment_methods":                 "allow_redisplay customer customer_account ending_before expand limit starting_after type",
		"GET /v1/payment_methods/{id}":            "expand",
		"GET /v1/prices":                          "active created currency ending_before expand limit lookup_keys product recurring starting_after type",
		"GET /v1/prices/{id}":                     "expand",
		"GET /v1/products":                        "active created ending_before expand ids limit shippable starting_after url",
		"GET /v1/products/{id}":                   "expand",
		"GET /v1/promotion_codes":                 "active code coupon created customer customer_account ending_before expand limit starting_after",
		"GET /v1/promotion_codes/{id}":            "expand",
		"GET /v1/radar/early_fraud_warnings":      "charge created ending_before expand limit payment_intent starting_after",
		"GET /v1/radar/early_fraud_warnings/{id}": "expand",
		"GET /v1/refunds":                         "charge created ending_before expand limit payment_intent starting_after",
		"GET /v1/refunds/{id}":                    "expand",
		"GET /v1/subscriptions": "automatic_tax collection_method created current_period_end current_period_start customer" + " " +
			"customer_account ending_before expand limit price starting_after status test_clock",
		"GET /v1/subscription_schedules/{id}": "expand",
		"GET /v1/subscriptions/{id}":          "expand",
		"GET /v1/webhook_endpoints":           "ending_before expand limit starting_after",
		"GET /v1/webhook_endpoints/{id}":      "expand",
	}
}

func allowedInWrites() map[string]string {
	return map[string]string{
		"POST /v1/billing_portal/sessions": "configuration customer customer_account expand flow_data locale on_behalf_of return_url",
		"POST /v1/checkout/sessions": "adaptive_pricing after_expiration allow_promotion_codes automatic_tax billing_address_collection" + " " +
			"branding_settings cancel_url client_reference_id consent_collection currency custom_fields" + " " +
			"custom_text customer customer_account customer_creation customer_email customer_update discounts" + " " +
			"excluded_payment_method_types expand expires_at integration_identifier invoice_creation line_items" + " " +
			"locale managed_payments metadata mode name_collection optional_items origin_context" + " " +
			"payment_intent_data payment_method_collection payment_method_configuration payment_method_data" + " " +
			"payment_method_options payment_method_types permissions phone_number_collection" + " " +
			"redirect_on_completion return_url saved_payment_method_options setup_intent_data" + " " +
			"shipping_address_collection shipping_options submit_type subscription_data success_url" + " " +
			"tax_id_collection ui_mode wallet_options",
		"POST /v1/checkout/sessions/{id}/expire": "expand",
		"POST /v1/customers": "address balance business_name cash_balance description email expand individual_name invoice_prefix" + " " +
			"invoice_settings metadata name next_invoice_sequence payment_method phone preferred_locales shipping" + " " +
			"source tax tax_exempt tax_id_data test_clock",
		"POST /v1/customers/{id}": "address balance bank_account business_name card cash_balance default_alipay_account" + " " +
			"default_bank_account default_card default_source description email expand individual_name" + " " +
			"invoice_prefix invoice_settings metadata name next_invoice_sequence phone preferred_locales shipping" + " " +
			"source tax tax_exempt",
		"POST /v1/disputes/{id}":       "evidence expand metadata submit",
		"POST /v1/disputes/{id}/close": "expand",
		"POST /v1/invoices/create_preview": "automatic_tax currency customer customer_account customer_details discounts expand invoice_items" + " " +
			"issuer on_behalf_of preview_mode schedule schedule_details subscription subscription_details",
		"POST /v1/invoices/{id}/mark_uncollectible": "expand",
		"POST /v1/invoices/{id}/pay":                "expand forgive mandate off_session paid_out_of_band payment_method source",
		"POST /v1/invoices/{id}/void":               "expand",
		"POST /v1/payment_intents/{id}/cancel":      "cancellation_reason expand",
		"POST /v1/prices": "active billing_scheme currency currency_options custom_unit_amount expand lookup_key metadata" + " " +
			"nickname product product_data recurring tax_behavior tiers tiers_mode transfer_lookup_key" + " " +
			"transform_quantity unit_amount unit_amount_decimal",
		"POST /v1/products": "active default_price_data description expand id images marketing_features metadata name" + " " +
			"package_dimensions shippable statement_descriptor tax_code unit_label url",
		"POST /v1/refunds": "amount charge currency customer expand instructions_email metadata origin payment_intent reason" + " " +
			"refund_application_fee reverse_transfer",
		"POST /v1/subscriptions/{id}": "add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_schedules" + " " +
			"billing_thresholds cancel_at cancel_at_period_end cancellation_details collection_method" + " " +
			"days_until_due default_payment_method default_source default_tax_rates description discounts expand" + " " +
			"invoice_settings items metadata off_session on_behalf_of pause_collection payment_behavior" + " " +
			"payment_settings pending_invoice_item_interval proration_behavior proration_date transfer_data" + " " +
			"trial_end trial_from_plan trial_settings",
		"POST /v1/subscriptions/{id}/resume": "billing_cycle_anchor expand proration_behavior proration_date",
		"POST /v1/webhook_endpoints":         "api_version connect description enabled_events expand metadata url",
		"POST /v1/webhook_endpoints/{id}":    "description disabled enabled_events expand metadata url",
	}
}

// refuseUnknown answers parameter_unknown for the first parameter that the call
// does not have.
func refuseUnknown(f *form, names string) error {
	for _, k := range f.keys {
		if !strings.Contains(" "+names+" ", " "+k+" ") {
			return invalid("parameter_unknown", k, "Received unknown parameter: "+k)
		}
	}
	return nil
}
