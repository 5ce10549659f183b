"""What to tell a person once the stack stands: where things are and what to try."""

from __future__ import annotations

from typing import Any

from .places import REPO, Places
from .say import line


def print_guide(places: Places, description: dict[str, Any], listings: list[dict[str, Any]]) -> None:
    state = places.state.relative_to(REPO) if places.state.is_relative_to(REPO) else places.state
    api, stripe = description["api_url"], description["stripe_url"]
    line()
    line("Souk stands.")
    line(f"  API      {api}/v1/…")
    line(
        f"  Stripe   {stripe}"
        + ("  (the real one)" if description["stripe_is_real"] else "  (stand-in; what it can be made to do is listed there)")
    )
    line(f"  PayPal   {description['paypal_url']}  (stand-in, for orders with \"processor\": \"paypal\")")
    line(f"  Sign-in  {description['oidc_issuer']}  (operator, operator2, reporter, partner, partner2, customer, customer2)")
    line(f"  AWS      {description['aws_endpoint']}  (region {description['region']}, key and secret: test)")
    line(f"  Mails    {description['aws_endpoint']}/_ministack/ses/messages")
    line(f"  All names, queues and tokens: {state}/stack.json; logs: {state}/logs")
    if description["stripe_is_real"]:
        line()
        line("Stripe cannot reach this machine. Forward its events, and start again with the secret that this prints:")
        line(f"  stripe listen --forward-to '{api}/v1/webhooks/stripe' --forward-connect-to '{api}/v1/webhooks/stripe/connect' --latest")
        line("  then STRIPE_WEBHOOK_SECRET=whsec_… make run")
    line()
    line("Try:")
    line(f"  API='{api}'")
    line(f"  TOKEN=$(cat {state}/tokens/customer)")
    line('  curl -s "$API/v1/listings"')
    for listing in listings[:1]:
        line(f'  curl -s "$API/v1/listings?q={listing["title"].split()[0].lower()}"')
    for listing in sorted(listings, key=lambda entry: -entry["price"]["amount"])[:1]:
        line(f"  # buy “{listing['title']}”: open the answer's checkout_url in a browser and pay with 4242 4242 4242 4242")
        line('  curl -s "$API/v1/orders" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\')
        line(f'       -H "Idempotency-Key: first" -d \'{{"lines": [{{"listing_id": "{listing["id"]}"}}]}}\'')
        line('  curl -s "$API/v1/licences" -H "Authorization: Bearer $TOKEN"')
        line("  # a minute later the payout run has paid the partner")
        line(f'  PARTNER="Authorization: Bearer $(cat {state}/tokens/partner)"')
        line('  ID=$(curl -s "$API/v1/partners" -H "$PARTNER" | grep -o "ptn_[a-z0-9]*" | head -1)')
        line('  curl -s "$API/v1/partners/$ID/payouts" -H "$PARTNER"')
    line()
