"""Stripe: the stand-in on this machine, or the real one when STRIPE_SECRET_KEY is set. PayPal: its stand-in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .places import Places
from .ports import HOST, Ports
from .processes import Children
from .say import Trouble

BINARY = "stripe-standin"
PAYPAL_BINARY = "paypal-standin"


@dataclass(frozen=True)
class Processor:
    """What the functions are told of Stripe, whichever it is."""

    url: str
    secret_key: str
    webhook_secret: str
    """Of the endpoint for the platform's own account."""
    connect_webhook_secret: str
    """Of the endpoint for connected accounts."""
    is_real: bool


@dataclass(frozen=True)
class PayPal:
    """What the functions are told of the PayPal stand-in."""

    url: str
    client_id: str = "local"
    client_secret: str = "local"
    webhook_id: str = "WH-LOCAL"


def paypal(ports: Ports) -> PayPal:
    return PayPal(f"http://localhost:{ports.paypal}")


def choose(ports: Ports) -> Processor:
    key = os.environ.get("STRIPE_SECRET_KEY")
    if key:
        if "_live_" in key:
            raise Trouble("STRIPE_SECRET_KEY is a live key: this stack is for trying things out, use a test key (sk_test_…)")
        # Without an endpoint's secret every event is refused, which is what should happen. The official command line signs with one for both.
        secret = os.environ.get("STRIPE_WEBHOOK_SECRET", "whsec_unset")
        connect = os.environ.get("STRIPE_CONNECT_WEBHOOK_SECRET", secret)
        return Processor("https://api.stripe.com", key, secret, connect, is_real=True)
    return Processor(f"http://localhost:{ports.stripe}", "sk_test_local", "whsec_local", "whsec_local_connect", is_real=False)


def start(children: Children, places: Places, ports: Ports, processor: Processor, binaries: Path, webhook_url: str) -> None:
    """Starts the stand-in. It must know the API's webhook URL, so it comes after the deploy."""
    if processor.is_real:
        return
    command = [str(binaries / BINARY), "--port", str(ports.stripe), "--bind", HOST, "--public-url", processor.url]
    command += ["--webhook-url", webhook_url, "--webhook-secret", processor.webhook_secret, "--secret-key", processor.secret_key]
    command += ["--connect-webhook-url", f"{webhook_url}/connect", "--connect-webhook-secret", processor.connect_webhook_secret]
    child = children.start("stripe", command, {"PATH": "/usr/bin:/bin"}, places.temporary)
    child.wait_until_it_answers(f"{processor.url}/_control")


def start_paypal(children: Children, places: Places, ports: Ports, paypal: PayPal, binaries: Path, webhook_url: str) -> None:
    command = [str(binaries / PAYPAL_BINARY), "--port", str(ports.paypal), "--bind", HOST, "--public-url", paypal.url]
    command += ["--webhook-url", webhook_url, "--webhook-id", paypal.webhook_id]
    command += ["--client-id", paypal.client_id, "--client-secret", paypal.client_secret]
    child = children.start("paypal", command, {"PATH": "/usr/bin:/bin"}, places.temporary)
    child.wait_until_it_answers(f"{paypal.url}/_control")
