"""Progress for a person: one line a step, with the time it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Trouble(Exception):
    """Something a person must see to. The text says what, and where it can, what to do about it."""


def line(text: str = "") -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(f"\nsouk: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    started = time.monotonic()
    line(f"  … {text}")
    yield
    line(f"  ✓ {text} ({time.monotonic() - started:.1f} s)")
