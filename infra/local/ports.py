"""Ports: the ones asked for, or free ones; a port in use is named with the process that has it."""

from __future__ import annotations

import os
import socket
from dataclasses import astuple, dataclass
from pathlib import Path

from .say import Trouble

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    emulator: int
    issuer: int
    stripe: int
    paypal: int


def choose(first: int) -> Ports:
    """Four ports from `first` on; four free ones, wherever they are, for 0."""
    if first == 0:
        return Ports(*_free(4))
    wanted = Ports(first, first + 1, first + 2, first + 3)
    taken = [f"port {port} is in use by {_owner(port)}" for port in astuple(wanted) if not _is_free(port)]
    if taken:
        raise Trouble("\n".join(taken) + "\nEnd what uses them, or choose others: make run ARGS='--port 4600'")
    return wanted


def _free(count: int) -> list[int]:
    """Held together while they are drawn, so that all differ."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
        return True
    except OSError:
        return False


def _owner(port: int) -> str:
    """The process that listens, from /proc; only root sees those of other users."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(handle) in inodes for handle in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {process.name} ({command[:80]})"
        except OSError:
            continue
    return "a process that this user may not see"
