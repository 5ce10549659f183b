"""The OIDC issuer, with users who are ready to sign in, and tokens for them obtained as a browser would."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict, dataclass, field
from typing import Any

from . import venvs
from .places import Places
from .ports import HOST, Ports
from .processes import Children
from .say import Trouble

AUDIENCE = "souk"
"""Client id, and so the audience of the id tokens that serve as bearer tokens: this issuer's access tokens are opaque."""
TOKEN_SECONDS = 30 * 24 * 3600
"""A developer's stack may stand for days; its tokens should not end before it does."""
CALLBACK = "http://localhost/signed-in"
"""Nobody listens there: the code is read from the redirect."""


@dataclass(frozen=True)
class User:
    sub: str
    name: str
    email: str
    roles: list[str] = field(default_factory=list)
    email_verified: bool = True


USERS = {
    "operator": User("operator", "Odile Brandt", "odile.brandt@souk.example", ["operator"]),
    "operator2": User("operator2", "Oskar Feld", "oskar.feld@souk.example", ["operator"]),
    "reporter": User("reporter", "Rita Sahin", "rita.sahin@safe-sounds.example", ["trusted_reporter"]),
    "partner": User("partner", "Paula Lindqvist", "paula@nordlys-audio.example"),
    "partner2": User("partner2", "Marek Novák", "marek@novak-integrations.example"),
    "customer": User("customer", "Chiara Conti", "chiara.conti@studio-conti.example"),
    "customer2": User("customer2", "Dev Patel", "dev.patel@patel-scores.example"),
}


def start(children: Children, places: Places, ports: Ports) -> str:
    """The issuer's URL, exactly as its tokens name it."""
    command = [
        str(venvs.program(venvs.ISSUER, "oidc-provider-mock")),
        "--host",
        HOST,
        "--port",
        str(ports.issuer),
        "--token-max-age",
        str(TOKEN_SECONDS),
    ]
    for user in USERS.values():
        # This issuer does not say by itself when somebody signed in, and they all do so at once.
        command += ["--user-claims", json.dumps(asdict(user) | {"auth_time": int(time.time())})]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore"}
    child = children.start("issuer", command, environment, places.temporary)
    url = f"http://localhost:{ports.issuer}"
    child.wait_until_it_answers(f"{url}/.well-known/openid-configuration")
    return url


def tokens(issuer: str) -> dict[str, str]:
    return {who: _sign_in(issuer, user) for who, user in USERS.items()}


def _sign_in(issuer: str, user: User) -> str:
    """The authorisation code flow: the form a person would submit, then the exchange."""
    metadata = json.loads(_open(urllib.request.Request(f"{issuer}/.well-known/openid-configuration")).read())
    query = {
        "client_id": AUDIENCE,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email profile",
        "state": "local",
    }
    form = urllib.request.Request(
        f"{metadata['authorization_endpoint']}?{urllib.parse.urlencode(query)}",
        data=urllib.parse.urlencode({"sub": user.sub}).encode(),
    )
    redirect = _open(form).headers.get("Location")
    code = urllib.parse.parse_qs(urllib.parse.urlparse(redirect or "").query).get("code")
    if not code:
        raise Trouble(f"{issuer} did not sign {user.sub} in")
    exchange = {
        "grant_type": "authorization_code",
        "code": code[0],
        "redirect_uri": CALLBACK,
        "client_id": AUDIENCE,
        "client_secret": "local",
    }
    answer = _open(urllib.request.Request(metadata["token_endpoint"], data=urllib.parse.urlencode(exchange).encode()))
    return str(json.loads(answer.read())["id_token"])


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _open(request: urllib.request.Request) -> Any:
    try:
        return _opener.open(request, timeout=10)
    except urllib.error.HTTPError as error:
        if error.code in (302, 303):
            return error
        raise
