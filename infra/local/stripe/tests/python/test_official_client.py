"""The official `stripe` library against a running stand-in.

    STRIPE_STANDIN_URL=http://127.0.0.1:12111 python -m unittest test_official_client

`STRIPE_STANDIN_KEY` names the API key if it is not the default one. The library and its version are pinned in
infra/requirements/stripe.txt. Every test leaves its own objects behind and touches nobody else's, so the stand-in need
not be fresh; only the outage of one path is shared, and cleared again.
"""

import json
import os
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

URL = os.environ["STRIPE_STANDIN_URL"].rstrip("/")
KEY = os.environ.get("STRIPE_STANDIN_KEY", "sk_test_standin_local")


def control(path, body=None, method="POST"):
    """One control of the stand-in, which the official library does not know."""
    data = None if method == "GET" else json.dumps(body or {}).encode()
    request = urllib.request.Request(f"{URL}/_control/{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class StayHere(urllib.request.HTTPRedirectHandler):
    """Shows a redirect instead of following it: where it leads does not exist."""

    def redirect_request(self, *_):
        return None


def submit(url, fields):
    """Posts a page's form as a browser would; returns where it leads."""
    opener = urllib.request.build_opener(StayHere)
    try:
        opener.open(url, data=urllib.parse.urlencode(fields).encode(), timeout=10)
    except urllib.error.HTTPError as answer:
        return answer.headers.get("Location")
    raise AssertionError("the page did not lead anywhere")


def eventually(look, wanted, seconds=5.0):
    """Looks until what is seen is as wanted, and returns it."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if wanted(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"never became as wanted: {seen}")
        time.sleep(0.02)


class Mailbox(BaseHTTPRequestHandler):
    """Keeps what is delivered: signature and raw body."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["Stripe-Signature"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class OfficialClient(unittest.TestCase):
    def setUp(self):
        self.client = stripe.StripeClient(KEY, base_addresses={"api": URL}, max_network_retries=0)
        self.api = self.client.v1

    # What several tests begin with.

    def new_account(self):
        account = self.api.accounts.create(
            params={
                "country": "DE",
                "email": "partner@example.com",
                "controller": {
                    "fees": {"payer": "application"},
                    "losses": {"payments": "application"},
                    "stripe_dashboard": {"type": "express"},
                },
                "capabilities": {"transfers": {"requested": True}},
            }
        )
        link = self.api.account_links.create(
            params={
                "account": account.id,
                "type": "account_onboarding",
                "return_url": "https://souk.example/back",
                "refresh_url": "https://souk.example/again",
            }
        )
        self.assertEqual(submit(link.url, {"outcome": "complete"}), "https://souk.example/back")
        return self.api.accounts.retrieve(account.id)

    def new_session(self, amount=10_000, group=None):
        return self.api.checkout.sessions.create(
            params={
                "mode": "payment",
                "success_url": "https://souk.example/ok?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "https://souk.example/cart",
                "client_reference_id": "ord_1",
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": "eur",
                            "unit_amount": amount,
                            "product_data": {"name": "Invoice Automation"},
                        },
                    }
                ],
                "payment_intent_data": {"transfer_group": group or f"ord_{uuid.uuid4()}", "metadata": {"order": "ord_1"}},
            }
        )

    def paid_charge(self, amount=10_000, card="4242424242424242"):
        session = self.new_session(amount)
        landed = submit(session.url, {"card": card, "email": "buyer@example.com"})
        self.assertEqual(landed, f"https://souk.example/ok?session={session.id}")

        def look():
            expand = {"expand": ["payment_intent.latest_charge.balance_transaction"]}
            return self.api.checkout.sessions.retrieve(session.id, params=expand).payment_intent.latest_charge

        return eventually(look, lambda charge: charge.balance_transaction is not None)

    # The tests.

    def test_an_account_is_onboarded_on_its_page(self):
        account = self.new_account()
        self.assertTrue(account.payouts_enabled and account.details_submitted)
        self.assertEqual(account.capabilities.transfers, "active")
        self.assertEqual(account.requirements.currently_due, [])
        self.assertEqual(account.controller.stripe_dashboard.type, "express")

    def test_a_session_is_paid_and_refunded(self):
        charge = self.paid_charge()
        self.assertIsInstance(charge, stripe.Charge)
        self.assertEqual((charge.balance_transaction.fee, charge.balance_transaction.net), (175, 9825))
        refund = self.api.refunds.create(params={"charge": charge.id, "amount": 4000, "metadata": {"why": "test"}})
        self.assertEqual((refund.status, refund.metadata["why"]), ("succeeded", "test"))
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.api.refunds.create(params={"charge": charge.id, "amount": 6001})
        self.assertEqual((caught.exception.http_status, caught.exception.param), (400, "amount"))
        failed = control(f"refunds/{refund.id}/fail")
        self.assertEqual(failed["status"], "failed")
        self.assertEqual(self.api.charges.retrieve(charge.id).amount_refunded, 0)

    def test_a_declined_payment_intent_is_a_card_error(self):
        with self.assertRaises(stripe.CardError) as caught:
            self.api.payment_intents.create(
                params={"amount": 500, "currency": "eur", "payment_method": "pm_card_chargeDeclined", "confirm": True}
            )
        self.assertEqual((caught.exception.code, caught.exception.http_status), ("card_declined", 402))
        self.assertEqual(caught.exception.error.payment_intent.status, "requires_payment_method")
        paid = self.api.payment_intents.create(
            params={"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
        )
        self.assertEqual(paid.status, "succeeded")

    def test_a_disputed_charge_has_its_dispute(self):
        charge = self.paid_charge(card="4000000000000259")
        disputes = eventually(lambda: self.api.disputes.list(params={"charge": charge.id}).data, bool)
        self.assertEqual((disputes[0].status, disputes[0].reason), ("needs_response", "fraudulent"))
        self.assertEqual(disputes[0].balance_transactions[0].net, -12_000)
        closed = self.api.disputes.close(disputes[0].id)
        self.assertEqual(closed.status, "lost")

    def test_transfers_are_made_once_found_by_group_and_reversed(self):
        account = self.new_account()
        self.paid_charge(50_000, "4000000000000077")
        group, key = f"pay_{uuid.uuid4()}", str(uuid.uuid4())
        params = {"amount": 2000, "currency": "eur", "destination": account.id, "transfer_group": group}
        first = self.api.transfers.create(params=params, options={"idempotency_key": key})
        again = self.api.transfers.create(params=params, options={"idempotency_key": key})
        self.assertEqual(first.id, again.id)
        self.assertEqual(again.last_response.headers["Idempotent-Replayed"], "true")
        with self.assertRaises(stripe.IdempotencyError):
            self.api.transfers.create(params={**params, "amount": 2001}, options={"idempotency_key": key})
        listed = self.api.transfers.list(params={"transfer_group": group, "expand": ["data.destination"]})
        self.assertEqual([(each.id, each.destination.id) for each in listed.data], [(first.id, account.id)])
        balance = self.api.balance.retrieve(options={"stripe_account": account.id})
        self.assertEqual(balance.available[0].amount, 2000)
        reversal = self.api.transfers.reversals.create(first.id, params={"amount": 500})
        self.assertEqual(self.api.transfers.retrieve(first.id).amount_reversed, 500)
        self.assertEqual(reversal.transfer, first.id)
        payout = self.api.payouts.create(
            params={"amount": 1500, "currency": "eur"}, options={"stripe_account": account.id}
        )
        self.assertEqual(payout.amount, 1500)

    def test_too_little_balance_is_refused(self):
        account = self.new_account()
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.api.transfers.create(params={"amount": 99_999_999, "currency": "chf", "destination": account.id})
        self.assertEqual(caught.exception.code, "balance_insufficient")

    def test_an_unknown_outcome_is_resolved_by_the_same_key(self):
        account = self.new_account()
        control("balance", {"amount": 5000, "currency": "nok"})
        group, key = f"pay_{uuid.uuid4()}", str(uuid.uuid4())
        params = {"amount": 5000, "currency": "nok", "destination": account.id, "transfer_group": group}
        control("outages", {"how": "close", "when": "after", "requests": 1, "method": "POST", "path": "/v1/transfers"})
        with self.assertRaises(stripe.APIConnectionError):
            self.api.transfers.create(params=params, options={"idempotency_key": key})
        made = self.api.transfers.create(params=params, options={"idempotency_key": key})
        listed = self.api.transfers.list(params={"transfer_group": group})
        self.assertEqual([each.id for each in listed.data], [made.id])

    def test_the_library_retries_through_an_outage_by_itself(self):
        client = stripe.StripeClient(KEY, base_addresses={"api": URL}, max_network_retries=2)
        control("outages", {"status": 503, "requests": 2, "method": "POST", "path": "/v1/customers"})
        customer = client.v1.customers.create(params={"email": "patient@example.com"})
        self.assertEqual(customer.email, "patient@example.com")

    def test_a_subscription_lives_from_checkout_to_its_end(self):
        recurring = {"interval": "month"}
        plan = self.api.prices.create(
            params={"currency": "eur", "unit_amount": 1000, "recurring": recurring, "product_data": {"name": "Pro"}}
        )
        session = self.api.checkout.sessions.create(
            params={
                "mode": "subscription",
                "success_url": "https://souk.example/ok",
                "line_items": [{"price": plan.id, "quantity": 1}],
                "subscription_data": {"trial_period_days": 14, "metadata": {"order": "ord_1"}},
            }
        )
        submit(session.url, {"card": "4242424242424242", "email": "buyer@example.com"})
        session = self.api.checkout.sessions.retrieve(session.id, params={"expand": ["subscription"]})
        subscription = session.subscription
        self.assertIsInstance(subscription, stripe.Subscription)
        self.assertEqual((subscription.status, subscription.metadata["order"]), ("trialing", "ord_1"))
        control("clock/advance", {"days": 14, "seconds": 1})
        expand = {"expand": ["latest_invoice.payments"]}
        paid = self.api.subscriptions.retrieve(subscription.id, params=expand)
        self.assertEqual((paid.status, paid.latest_invoice.amount_paid), ("active", 1000))
        intent = self.api.payment_intents.retrieve(paid.latest_invoice.payments.data[0].payment.payment_intent)
        self.assertEqual((intent.status, intent.customer), ("succeeded", paid.customer))
        item = paid["items"].data[0]
        change = {"items": [{"id": item.id, "quantity": 3}], "proration_date": item.current_period_start}
        preview = self.api.invoices.create_preview(
            params={
                "subscription": paid.id,
                "subscription_details": {**change, "proration_behavior": "always_invoice"},
            }
        )
        self.assertEqual([line.amount for line in preview.lines.data], [-1000, 3000])
        more = self.api.subscriptions.update(paid.id, params={**change, "proration_behavior": "always_invoice"})
        self.assertEqual(more["items"].data[0].quantity, 3)
        self.assertEqual(self.api.invoices.retrieve(more.latest_invoice).amount_paid, 2000)
        control(f"customers/{paid.customer}/card", {"declines": "all"})
        control("clock/advance", {"days": 31})
        late = self.api.subscriptions.retrieve(paid.id)
        self.assertEqual(late.status, "past_due")
        self.assertEqual(self.api.invoices.retrieve(late.latest_invoice).attempt_count, 1)
        control(f"customers/{paid.customer}/card", {"declines": "none"})
        self.assertEqual(self.api.invoices.pay(late.latest_invoice).status, "paid")
        over = self.api.subscriptions.cancel(paid.id)
        self.assertEqual(over.status, "canceled")
        ended = self.api.events.list(params={"type": "customer.subscription.deleted", "limit": 100})
        self.assertIn(paid.id, [event.data.object.id for event in ended.auto_paging_iter()])

    def test_a_card_is_changed_in_the_portal(self):
        customer = self.api.customers.create(params={"email": "buyer@example.com"})
        session = self.api.billing_portal.sessions.create(
            params={
                "customer": customer.id,
                "return_url": "https://souk.example/billing",
                "flow_data": {
                    "type": "payment_method_update",
                    "after_completion": {
                        "type": "redirect",
                        "redirect": {"return_url": "https://souk.example/changed"},
                    },
                },
            }
        )
        self.assertIsInstance(session, stripe.billing_portal.Session)
        self.assertEqual(submit(session.url, {"card": "5555555555554444"}), "https://souk.example/changed")
        customer = self.api.customers.retrieve(customer.id)
        method = self.api.payment_methods.retrieve(customer.invoice_settings.default_payment_method)
        self.assertEqual((method.customer, method.card.last4), (customer.id, "4444"))

    def test_lists_page_by_themselves(self):
        email = f"{uuid.uuid4()}@example.com"
        made = [self.api.customers.create(params={"email": email}).id for _ in range(7)]
        paged = self.api.customers.list(params={"email": email, "limit": 3})
        self.assertTrue(paged.has_more)
        self.assertEqual([each.id for each in paged.auto_paging_iter()], list(reversed(made)))

    def test_a_delivered_event_is_verified_and_listed(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Mailbox)
        server.got = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        endpoint = self.api.webhook_endpoints.create(
            params={
                "url": f"http://127.0.0.1:{server.server_port}/",
                "enabled_events": ["checkout.session.completed"],
            }
        )
        self.addCleanup(lambda: self.api.webhook_endpoints.delete(endpoint.id))
        session = self.new_session()
        submit(session.url, {"card": "4242424242424242", "email": "buyer@example.com"})

        def delivered():
            for signature, body in server.got:
                if session.id.encode() in body:
                    return signature, body
            return None

        signature, body = eventually(delivered, bool)
        event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
        self.assertEqual((event.type, event.data.object.id), ("checkout.session.completed", session.id))
        with self.assertRaises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", signature, endpoint.secret)
        listed = self.api.events.list(params={"types": ["checkout.session.completed"], "limit": 100})
        self.assertIn(event.id, [each.id for each in listed.auto_paging_iter()])

    def test_mistakes_are_told_as_stripe_tells_them(self):
        with self.assertRaises(stripe.AuthenticationError):
            stripe.StripeClient("sk_test_wrong", base_addresses={"api": URL}).v1.balance.retrieve()
        with self.assertRaises(stripe.PermissionError):
            self.api.accounts.retrieve("acct_nobody")
        with self.assertRaises(stripe.InvalidRequestError) as missing:
            self.api.charges.retrieve("ch_nothing")
        self.assertEqual((missing.exception.code, missing.exception.http_status), ("resource_missing", 404))
        with self.assertRaises(stripe.InvalidRequestError) as unknown:
            self.api.customers.create(params={"emial": "x"})
        self.assertEqual((unknown.exception.code, unknown.exception.param), ("parameter_unknown", "emial"))


if __name__ == "__main__":
    unittest.main()
