"""The order of things: build, start, deploy, wire up, write down; and the end of it all, whatever happened in between."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import build, deploy, emulator, issuer, ports, processor, routes, venvs
from .places import Places
from .processes import Children, running
from .say import Trouble, step

STACK_NAME = "souk"
MAIL_SENDER = "receipts@souk.example"
WEB_ORIGIN = "http://localhost:3000"


@dataclass(frozen=True)
class Options:
    places: Places
    profile: build.Profile
    first_port: int
    """The first of four; 0 for free ones."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Template parameters over the local defaults."""
    binaries: Path | None = None
    """A folder with binaries that are built already."""


@dataclass(frozen=True)
class Stack:
    """A stack that stands: its processes, and what stack.json says of it."""

    children: Children
    description: dict[str, Any]
    binaries: Path


@contextmanager
def standing(options: Options) -> Iterator[Stack]:
    """A stack for the length of a block. Leaving it ends every process and removes what only they needed."""
    if running(options.places):
        raise Trouble(f"a stack from {options.places.state} is running already; `make stop` ends it")
    chosen = ports.choose(options.first_port)
    children = Children(options.places)
    try:
        yield _start(options, chosen, children)
    finally:
        if not children.is_released:
            with _undisturbed():
                children.stop()
                forget(options.places)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C while the first one is being obeyed would leave processes behind."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(which, signal.SIG_IGN) for which in signals]
    try:
        yield
    finally:
        for which, handler in zip(signals, before, strict=True):
            signal.signal(which, handler)


def forget(places: Places) -> None:
    """Removes what would be untrue once the stack is gone. Logs stay, for whoever wonders why."""
    places.stack_json.unlink(missing_ok=True)
    shutil.rmtree(places.tokens, ignore_errors=True)
    shutil.rmtree(places.temporary, ignore_errors=True)


def _start(options: Options, chosen: ports.Ports, children: Children) -> Stack:
    places = options.places
    stripe, paypal = processor.choose(chosen), processor.paypal(chosen)
    venvs.ensure(venvs.EMULATOR, venvs.SAM, venvs.ISSUER)
    binaries = options.binaries or build.build(options.profile)
    shutil.rmtree(places.temporary, ignore_errors=True)
    places.temporary.mkdir(parents=True)
    functions = build.lay_out(binaries, places)
    with step("starting AWS (MiniStack, IAM enforced) and the token issuer"):
        aws = emulator.start(children, places, chosen)
        issuer_url = issuer.start(children, places, chosen)
    parameters = {
        "Stage": "local",
        "Architecture": "arm64" if os.uname().machine == "aarch64" else "x86_64",
        "OidcIssuer": issuer_url,
        "OidcAudience": issuer.AUDIENCE,
        "StripeSecretKey": stripe.secret_key,
        "StripeWebhookSecret": stripe.webhook_secret,
        "StripeConnectWebhookSecret": stripe.connect_webhook_secret,
        "StripeApiBase": stripe.url,
        "SellerName": "Souk Marketplace GmbH",
        "SellerAddress": "Marktplatz 1; 10115 Berlin; Germany",
        "SellerTaxId": "DE123456789",
        "PayPalClientId": paypal.client_id,
        "PayPalClientSecret": paypal.client_secret,
        "PayPalWebhookId": paypal.webhook_id,
        "PayPalApiBase": paypal.url,
        "MailSender": MAIL_SENDER,
        "MailIdentity": MAIL_SENDER,
        # The stand-in has a page for whoever comes back from it; of the real Stripe nobody does.
        "PublicUrl": WEB_ORIGIN if stripe.is_real else f"{stripe.url}/shop",
        "AllowedOrigin": WEB_ORIGIN,
        **options.parameters,
    }
    with step(f"deploying template.yaml with {len(functions)} functions (sam deploy)"):
        outputs = deploy.deploy(aws, places, STACK_NAME, parameters)
        aws.client("sesv2").create_email_identity(EmailIdentity=MAIL_SENDER)
        resources = _resources(outputs)
        deploy.allow_plain_http(aws, resources["buckets"].values())
        deploy.allow_mail(aws, resources["functions"]["notify"])
        count = routes.put_into_effect(aws, STACK_NAME, parameters)
    api_url = f"{aws.endpoint}/_aws/execute-api/{outputs['ApiId']}/%24default"
    what = "real Stripe" if stripe.is_real else "the Stripe stand-in"
    with step(f"connecting {count} routes, {what}, the PayPal stand-in and the users' tokens"):
        processor.start(children, places, chosen, stripe, binaries, f"{api_url}/v1/webhooks/stripe")
        processor.start_paypal(children, places, chosen, paypal, binaries, f"{api_url}/v1/webhooks/paypal")
        tokens = issuer.tokens(issuer_url)
    description = {
        "stack": STACK_NAME,
        "region": emulator.REGION,
        "access_key_id": emulator.ACCESS_KEY_ID,
        "secret_access_key": emulator.SECRET_ACCESS_KEY,
        "aws_endpoint": aws.endpoint,
        "api_url": api_url,
        "stripe_url": stripe.url,
        "stripe_is_real": stripe.is_real,
        "stripe_secret_key": "" if stripe.is_real else stripe.secret_key,
        "stripe_webhook_secret": "" if stripe.is_real else stripe.webhook_secret,
        "stripe_connect_webhook_secret": "" if stripe.is_real else stripe.connect_webhook_secret,
        "paypal_url": paypal.url,
        "oidc_issuer": issuer_url,
        "oidc_audience": issuer.AUDIENCE,
        **resources,
        "users": {who: asdict(user) for who, user in issuer.USERS.items()},
        "tokens": tokens,
        "parameters": {name: value for name, value in parameters.items() if not name.startswith(("Stripe", "PayPal"))},
    }
    _write_down(places, description)
    return Stack(children, description, binaries)


def _write_down(places: Places, description: Mapping[str, Any]) -> None:
    """One file with everything for programs, one file a token for a person's shell; for this user's eyes."""
    places.tokens.mkdir(mode=0o700, exist_ok=True)
    for who, token in description["tokens"].items():
        (places.tokens / who).write_text(token)
    places.stack_json.touch(mode=0o600)
    places.stack_json.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def _resources(outputs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The outputs by kind: `ScanQueueUrl` is `queues["scan"]`, `ScanDeadLettersUrl` is `queues["scan-dead-letters"]`."""
    kinds = {
        "tables": r"(\w+)TableName",
        "buckets": r"(\w+)BucketName",
        "functions": r"(\w+)FunctionName",
        "queues": r"(\w+?)(?:Queue)?Url",
    }
    found: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
    for output, value in outputs.items():
        for kind, pattern in kinds.items():
            match = re.fullmatch(pattern, output)
            if match and output != "ApiUrl":
                found[kind][re.sub(r"(?<!^)(?=[A-Z])", "-", match.group(1)).lower()] = value
    return found
