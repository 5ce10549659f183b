"""Souk's API as a client sees it: bearer token, JSON, an idempotency key on every POST, problem documents as errors."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from urllib3.filepost import encode_multipart_formdata

from .say import Trouble

T = TypeVar("T")


@dataclass(frozen=True)
class Api:
    url: str
    token: str

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._call("POST", path, body if body is not None else {})

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        if body is not None:
            headers |= {"content-type": "application/json", "idempotency-key": str(uuid.uuid4())}
        data = None if body is None else json.dumps(body).encode()
        return _send(urllib.request.Request(f"{self.url}/v1{path}", data=data, headers=headers, method=method))


def post_json(url: str, body: dict[str, Any]) -> Any:
    return _send(
        urllib.request.Request(url, data=json.dumps(body).encode(), headers={"content-type": "application/json"}, method="POST")
    )


def post_form(url: str, fields: dict[str, str], file: bytes) -> None:
    """A presigned upload: the signed fields as they came, the file last."""
    body, content_type = encode_multipart_formdata([*fields.items(), ("file", ("package.zip", file, "application/zip"))])
    _send(urllib.request.Request(url, data=body, headers={"content-type": content_type}, method="POST"))


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 60.0) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.1)
    raise Trouble(f"{what} did not happen within {seconds:.0f} s")


def _send(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")[:2000]
        raise Trouble(f"{request.get_method()} {request.full_url} answered {error.code}: {detail}") from None
    return json.loads(text) if text.strip().startswith((b"{", b"[")) else None
