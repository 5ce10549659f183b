"""Fills a new stack as its people would: through the API, the upload form and the processor's onboarding page, nothing else.

Each folder of catalogue/ holds a package, whose manifest names its version, and a listing.toml with what its listing says.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .api import Api, post_form, post_json, wait_for
from .places import REPO
from .say import Trouble, line, step
from .stack import Stack

CATALOGUE = REPO / "catalogue"
PACKER = "souk"

APPLICATIONS: dict[str, dict[str, Any]] = {
    "partner": {
        "name": "Nordlys Audio",
        "country": "SE",
        "support_email": "support@nordlys-audio.example",
        "website": "https://nordlys-audio.example",
        "about": "Two sound designers in Göteborg who make presets and grooves for film and slow electronic music.",
    },
    "partner2": {
        "name": "Novák Integrations",
        "country": "CZ",
        "support_email": "help@novak-integrations.example",
        "website": "https://novak-integrations.example",
        "about": "One developer in Brno who connects help desks, wikis and chat rooms to the assistants that work in them.",
    },
}
SELLERS = {"integration": "partner2"}
"""Who sells what kind of content; everything else is by `partner`."""


@dataclass(frozen=True)
class Entry:
    """One folder of the catalogue."""

    name: str
    package: Path
    """The folder with the manifest."""
    seller: str
    number: str
    listing: dict[str, Any]
    """The listing as the API takes it."""


def seed(stack: Stack) -> list[dict[str, Any]]:
    """The published listings, each with `id` and `title`."""
    description = stack.description
    if description["stripe_is_real"]:
        line("  – not seeded: partners must go through Stripe's own onboarding page")
        return []
    entries = _entries()
    apis = {who: Api(description["api_url"], token) for who, token in description["tokens"].items()}
    partners: dict[str, str] = {}
    for who in sorted({entry.seller for entry in entries}):
        with step(f"{APPLICATIONS[who]['name']} applies, is approved and connects an account"):
            partners[who] = _become_partner(apis[who], apis["operator"], APPLICATIONS[who], description)
    published = []
    for entry in entries:
        with step(f"{entry.listing['title']}: listed, uploaded, scanned, reviewed, published"):
            package = _pack(stack.binaries, entry)
            published.append(_publish(apis[entry.seller], apis["operator"], partners[entry.seller], entry, package))
    return published


def _entries() -> list[Entry]:
    entries = [_entry(file) for file in sorted(CATALOGUE.glob("*/listing.toml"))]
    if not entries:
        raise Trouble(f"{CATALOGUE} has no */listing.toml")
    return entries


def _entry(file: Path) -> Entry:
    manifest = next(file.parent.rglob("souk.toml"), None)
    if manifest is None:
        raise Trouble(f"{file.parent} has no souk.toml")
    number = tomllib.loads(manifest.read_text())["package"]["version"]
    listing = tomllib.loads(file.read_text())
    price = listing["price"]
    listing["price"] = {"amount": price["amount_minor"], "currency": price["currency"]}
    return Entry(file.parent.name, manifest.parent, SELLERS.get(listing["content_type"], "partner"), number, listing)


def _become_partner(api: Api, operator: Api, application: dict[str, Any], description: dict[str, Any]) -> str:
    partner = api.post("/partners", application)["id"]
    agreement = api.get("/agreement")["version"]
    api.post(f"/partners/{partner}/agreements", {"version": agreement})
    operator.post(f"/partners/{partner}/decisions", {"decision": "approve"})
    web = description["parameters"]["PublicUrl"]
    link = api.post(f"/partners/{partner}/onboarding-links", {"return_url": f"{web}/partner", "refresh_url": f"{web}/partner"})[
        "url"
    ]
    account = re.search(r"acct_\w+", link)
    if not account:
        raise Trouble(f"an onboarding link that names no account: {link}")
    post_json(f"{description['stripe_url']}/_control/accounts/{account.group()}", {"outcome": "complete"})

    def is_ready() -> bool | None:
        holds = api.get(f"/partners/{partner}")["holds"]
        return True if all(hold["resolved_at"] for hold in holds) else None

    wait_for(f"the end of every hold on {application['name']}", is_ready)
    return str(partner)


def _pack(binaries: Path, entry: Entry) -> bytes:
    """The folder becomes a package exactly as a partner's would."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / f"{entry.name}.zip"
        done = subprocess.run([str(binaries / PACKER), "pack", str(entry.package), str(package)], stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Trouble(f"{PACKER} refused {entry.package}")
        return package.read_bytes()


def _publish(api: Api, operator: Api, partner: str, entry: Entry, package: bytes) -> dict[str, Any]:
    listings = f"/partners/{partner}/listings"
    listing = api.post(listings, entry.listing)["id"]
    versions = f"{listings}/{listing}/versions"
    version = api.post(versions, {"number": entry.number, "notes": "The first version."})["id"]
    at = f"{versions}/{version}"
    form = api.post(f"{at}/uploads", {"size_bytes": len(package), "sha256": hashlib.sha256(package).hexdigest()})
    post_form(form["url"], form["fields"], package)

    def verdict() -> str | None:
        status = api.get(at)["status"]
        return None if status in ("draft", "scanning") else str(status)

    found = wait_for(f"the scan of {entry.name}", verdict)
    if found != "passed":
        raise Trouble(f"the scan of {entry.name} ended {found}: {api.get(at)}")
    submission = api.post(f"{at}/submissions")["id"]
    decision = {"decision": "approve", "reason_code": "meets_guidelines", "note": "Welcome."}
    operator.post(f"/partners/{partner}/submissions/{submission}/decisions", decision)
    api.post(f"{at}/publish")
    return {"id": listing, **entry.listing}
