"""Cut Stripe's public OpenAPI document down to what the stand-in serves.

    python spec/trim.py path/to/spec3.json

Writes spec/stripe.json with two halves: `requests`, the parameters of every served endpoint (the server refuses what
Stripe would refuse by reading them), and `objects`, the shapes of every served object (the contract test holds the
answers against them). Descriptions are dropped, and what the stand-in never answers becomes an open schema.
The document comes from https://github.com/stripe/openapi (openapi/spec3.json), see spec/LICENSE.
"""

import json
import sys
from pathlib import Path

ENDPOINTS = """
GET /v1/account
GET /v1/accounts
POST /v1/accounts
GET /v1/accounts/{account}
POST /v1/accounts/{account}
DELETE /v1/accounts/{account}
POST /v1/accounts/{account}/reject
POST /v1/account_links
GET /v1/checkout/sessions
POST /v1/checkout/sessions
GET /v1/checkout/sessions/{session}
GET /v1/checkout/sessions/{session}/line_items
POST /v1/checkout/sessions/{session}
POST /v1/checkout/sessions/{session}/expire
GET /v1/payment_intents
POST /v1/payment_intents
GET /v1/payment_intents/{intent}
POST /v1/payment_intents/{intent}
POST /v1/payment_intents/{intent}/confirm
POST /v1/payment_intents/{intent}/cancel
POST /v1/payment_intents/{intent}/capture
GET /v1/payment_methods/{payment_method}
GET /v1/charges
GET /v1/charges/{charge}
POST /v1/charges/{charge}
GET /v1/refunds
POST /v1/refunds
GET /v1/refunds/{refund}
POST /v1/refunds/{refund}
GET /v1/disputes
GET /v1/disputes/{dispute}
POST /v1/disputes/{dispute}
POST /v1/disputes/{dispute}/close
GET /v1/transfers
POST /v1/transfers
GET /v1/transfers/{transfer}
POST /v1/transfers/{transfer}
GET /v1/transfers/{id}/reversals
POST /v1/transfers/{id}/reversals
GET /v1/transfers/{transfer}/reversals/{id}
GET /v1/payouts
POST /v1/payouts
GET /v1/payouts/{payout}
POST /v1/payouts/{payout}
POST /v1/payouts/{payout}/cancel
GET /v1/balance
GET /v1/balance_transactions
GET /v1/balance_transactions/{id}
GET /v1/events
GET /v1/events/{id}
GET /v1/webhook_endpoints
POST /v1/webhook_endpoints
GET /v1/webhook_endpoints/{webhook_endpoint}
POST /v1/webhook_endpoints/{webhook_endpoint}
DELETE /v1/webhook_endpoints/{webhook_endpoint}
GET /v1/customers
POST /v1/customers
GET /v1/customers/{customer}
POST /v1/customers/{customer}
DELETE /v1/customers/{customer}
GET /v1/customers/{customer}/payment_methods
GET /v1/customers/{customer}/balance_transactions
POST /v1/customers/{customer}/balance_transactions
GET /v1/payment_methods
POST /v1/payment_methods
POST /v1/payment_methods/{payment_method}
POST /v1/payment_methods/{payment_method}/attach
POST /v1/payment_methods/{payment_method}/detach
GET /v1/products
POST /v1/products
GET /v1/products/{id}
POST /v1/products/{id}
DELETE /v1/products/{id}
GET /v1/prices
POST /v1/prices
GET /v1/prices/{price}
POST /v1/prices/{price}
GET /v1/coupons
POST /v1/coupons
GET /v1/coupons/{coupon}
POST /v1/coupons/{coupon}
DELETE /v1/coupons/{coupon}
GET /v1/subscriptions
POST /v1/subscriptions
GET /v1/subscriptions/{subscription_exposed_id}
POST /v1/subscriptions/{subscription_exposed_id}
DELETE /v1/subscriptions/{subscription_exposed_id}
POST /v1/subscriptions/{subscription}/resume
GET /v1/invoices
GET /v1/invoices/{invoice}
POST /v1/invoices
POST /v1/invoices/{invoice}
DELETE /v1/invoices/{invoice}
POST /v1/invoices/{invoice}/send
GET /v1/invoices/{invoice}/lines
POST /v1/invoices/create_preview
POST /v1/invoices/{invoice}/finalize
POST /v1/invoices/{invoice}/pay
POST /v1/invoices/{invoice}/void
POST /v1/invoices/{invoice}/mark_uncollectible
GET /v1/invoice_payments
GET /v1/invoice_payments/{invoice_payment}
GET /v1/invoiceitems
POST /v1/invoiceitems
GET /v1/invoiceitems/{invoiceitem}
DELETE /v1/invoiceitems/{invoiceitem}
POST /v1/billing_portal/sessions
""".split("\n")

# What Stripe's own page calls and no document describes; the official command line plays it. Any parameter passes.
UNDOCUMENTED = ["GET /v1/payment_pages/{session}", "POST /v1/payment_pages/{session}/confirm"]

OBJECTS = """
account account_capabilities account_requirements account_future_requirements account_requirements_error
account_unification_account_controller account_unification_account_controller_fees
account_unification_account_controller_losses account_unification_account_controller_stripe_dashboard
account_link deleted_account
checkout.session item price product payment_pages_checkout_session_automatic_tax
payment_pages_checkout_session_customer_details payment_pages_checkout_session_custom_text
payment_pages_checkout_session_total_details payment_pages_checkout_session_phone_number_collection
payment_intent payment_method billing_details charge charge_outcome payment_method_details
payment_method_details_card payment_method_details_card_checks payment_method_details_sepa_debit
payment_flows_automatic_payment_methods_payment_intent payment_method_card payment_method_sepa_debit
refund refund_destination_details refund_destination_details_card api_errors
dispute dispute_evidence dispute_evidence_details dispute_enhanced_evidence dispute_enhanced_eligibility
dispute_payment_method_details dispute_payment_method_details_card
transfer transfer_reversal payout balance balance_amount balance_amount_by_source_type
balance_transaction fee connect_collection_transfer
event notification_event_data notification_event_request webhook_endpoint deleted_webhook_endpoint
customer deleted_customer bank_account invoice_setting_customer_setting customer_balance_transaction
recurring coupon deleted_coupon discount discount_source payment_pages_checkout_session_discount
subscription subscription_item subscription_automatic_tax cancellation_details connect_account_reference
subscriptions_resource_billing_mode subscriptions_resource_billing_mode_flexible
subscriptions_resource_subscription_invoice_settings subscriptions_resource_pause_collection
subscriptions_resource_trial_settings_trial_settings subscriptions_resource_trial_settings_end_behavior
subscriptions_resource_payment_settings
invoice line_item automatic_tax invoice_line_item_period discounts_resource_discount_amount
billing_bill_resource_invoicing_parents_invoice_parent
billing_bill_resource_invoicing_parents_invoice_subscription_parent invoices_resource_status_transitions
billing_bill_resource_invoicing_lines_parents_invoice_line_item_parent
billing_bill_resource_invoicing_lines_parents_invoice_line_item_subscription_item_parent
billing_bill_resource_invoicing_lines_parents_invoice_line_item_invoice_item_parent
billing_bill_resource_invoicing_lines_common_proration_details
billing_bill_resource_invoicing_pricing_pricing billing_bill_resource_invoicing_pricing_pricing_price_details
invoices_payments_invoice_payment_associated_payment invoices_payments_invoice_payment_status_transitions
invoice_payment invoiceitem deleted_invoiceitem deleted_invoice deleted_product proration_details
billing_bill_resource_invoice_item_parents_invoice_item_parent
billing_bill_resource_invoice_item_parents_invoice_item_subscription_parent
billing_portal.session portal_flows_flow portal_flows_flow_after_completion portal_flows_after_completion_redirect
""".split()

# Deep parameters the stand-in takes note of by name only.
OPEN_PARAMETERS = {
    "company", "individual", "documents", "settings", "payment_method_options", "payment_method_data",
    "branding_settings", "custom_text", "custom_fields", "shipping_options", "invoice_creation", "payment_settings",
    "payment_details", "billing_schedules", "schedule_details", "amount_details", "mandate_data", "hooks", "groups", "tos_acceptance",
    "business_profile", "shipping", "tax", "cash_balance", "consent_collection", "optional_items",
    "collection_options", "shipping_address_collection",
}
KEPT = {
    "type", "enum", "anyOf", "items", "properties", "required", "nullable", "$ref", "maxLength",
    "additionalProperties",
}


def slim(schema, open_names=frozenset()):
    """The schema without prose and without properties that are only noted by name."""
    out = {key: value for key, value in schema.items() if key in KEPT}
    if "$ref" in out:
        name = out["$ref"].rsplit("/", 1)[1]
        out = {"$ref": name} if name in OBJECTS else {}
        if schema.get("nullable"):
            out["nullable"] = True
        return out
    if "anyOf" in out:
        out["anyOf"] = [slim(each, open_names) for each in out["anyOf"]]
    if "items" in out:
        out["items"] = slim(out["items"], open_names)
    if isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = True
    if "properties" in out:
        out["properties"] = {
            name: {} if name in open_names else slim(each, open_names) for name, each in out["properties"].items()
        }
    if out.get("enum") and len(out["enum"]) > 90 and out.get("type") == "string" and "*" in out["enum"]:
        out.pop("enum")  # the event types: hundreds, new ones every month
    if isinstance(out.get("maxLength"), int) and out["maxLength"] >= 5000 and not open_names:
        out.pop("maxLength")
    return out


def parameters(operation):
    """Query and form parameters of one operation as one object schema."""
    merged = {"type": "object", "properties": {}, "required": []}
    for each in operation.get("parameters", []):
        if each["in"] == "query":
            merged["properties"][each["name"]] = each["schema"]
            if each.get("required"):
                merged["required"].append(each["name"])
    content = operation.get("requestBody", {}).get("content", {})
    form = content.get("application/x-www-form-urlencoded", {}).get("schema", {})
    merged["properties"].update(form.get("properties", {}))
    merged["required"] += form.get("required", [])
    return slim(merged, OPEN_PARAMETERS)


def main(path):
    source = json.loads(Path(path).read_text())
    schemas = source["components"]["schemas"]
    requests = {}
    for line in filter(None, ENDPOINTS):
        method, route = line.split(" ")
        requests[line] = parameters(source["paths"][route][method.lower()])
    requests.update({line: {"type": "object"} for line in UNDOCUMENTED})
    trimmed = {
        "source": "https://github.com/stripe/openapi",
        "version": source["info"]["version"],
        "requests": requests,
        "objects": {name: slim(schemas[name]) for name in OBJECTS},
    }
    target = Path(__file__).with_name("stripe.json")
    lines = [f'"source":{json.dumps(trimmed["source"])}', f'"version":{json.dumps(trimmed["version"])}']
    for half in ("requests", "objects"):
        rows = ",\n".join(
            f" {json.dumps(name)}:{json.dumps(each, separators=(',', ':'), sort_keys=True)}"
            for name, each in sorted(trimmed[half].items())
        )
        lines.append(f'"{half}":{{\n{rows}\n}}')
    target.write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main(sys.argv[1])
