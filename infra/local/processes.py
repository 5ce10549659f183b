"""The stack's processes: each in a group of its own, with a log, and with a record from which a later command can end it.

A group is what makes "leaves nothing behind" true: the emulator's Lambdas are in the emulator's group and end with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .places import Places
from .say import Trouble

GRACE_SECONDS = 5.0
"""From the polite signal to the other one. MiniStack needs about one second with a hundred Lambdas."""


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until_it_answers(self, url: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Trouble(f"{self.name} ended at start; the end of {self.log}:\n{self.tail()}")
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    answer.read()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise Trouble(f"{self.name} does not answer at {url} after {seconds:.0f} s; the end of {self.log}:\n{self.tail()}")


class Children:
    """The processes of one stack, in the order they were started."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._children: list[Child] = []
        self.is_released = False

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Child:
        self._places.logs.mkdir(parents=True, exist_ok=True)
        log = self._places.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(name, process, log)
        self._children.append(child)
        self._record()
        return child

    def ended(self) -> Child | None:
        return next((child for child in self._children if child.process.poll() is not None), None)

    def stop(self) -> None:
        _end_groups([child.process.pid for child in reversed(self._children)])
        for child in self._children:
            child.process.wait()
        self._children.clear()
        self._places.processes.unlink(missing_ok=True)

    def release(self) -> None:
        """Lets the processes live on after this one; the record stays for whoever ends them."""
        self.is_released = True

    def _record(self) -> None:
        """The runner's own line comes first: while it lives, it is the one to ask."""
        entries = [{"name": "runner", "pid": os.getpid()}] + [{"name": c.name, "pid": c.process.pid} for c in self._children]
        entries = [entry | {"started": _started(int(str(entry["pid"])))} for entry in entries]
        self._places.processes.write_text(json.dumps(entries, indent=2))


def running(places: Places) -> list[tuple[str, int]]:
    """Name and id of every recorded process that still is the one recorded; ids are used again, start times are not."""
    try:
        entries = json.loads(places.processes.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    return [
        (e["name"], e["pid"])
        for e in entries
        if e["started"] is not None and _alive(e["pid"]) and _started(e["pid"]) == e["started"]
    ]


def stop_recorded(places: Places) -> bool:
    """Ends the stack that the record tells of. False when there was none."""
    alive = running(places)
    runner = next((pid for name, pid in alive if name == "runner"), None)
    if runner is not None:
        os.kill(runner, signal.SIGTERM)
        _wait_gone([runner], GRACE_SECONDS * 2)
        alive = running(places)
    _end_groups([pid for name, pid in alive if name != "runner"])
    places.processes.unlink(missing_ok=True)
    return bool(alive) or runner is not None


def _end_groups(leaders: Sequence[int]) -> None:
    for leader in leaders:
        _signal_group(leader, signal.SIGTERM)
    _wait_gone(leaders, GRACE_SECONDS)
    for leader in leaders:
        _signal_group(leader, signal.SIGKILL)


def _signal_group(leader: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, what)


def _wait_gone(pids: Sequence[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_alive(pid) for pid in pids):
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot: field 22 of /proc/<pid>/stat."""
    fields = _stat(pid)
    return fields[19] if fields else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the command name, which may itself contain spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
