"""Python tools of the stack, each in a virtual environment of its own under target/venv, with every version pinned.

Their dependencies contradict each other, so they cannot share one. An environment is made anew when its requirements or the
interpreter change, and is otherwise left alone. Uses the standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .places import REQUIREMENTS, VENVS
from .say import Trouble, step

EMULATOR = "emulator"
"""MiniStack and boto3; the runner itself runs in it."""
SAM = "sam"
ISSUER = "issuer"
LINT = "lint"
STRIPE = "stripe"
CARGO_TOOLS = "cargo-tools"


def folder(name: str) -> Path:
    return VENVS / name


def program(name: str, executable: str) -> Path:
    return folder(name) / "bin" / executable


def ensure(*names: str) -> None:
    """Installs what is missing, at most two at a time: unpacking is bound by the processor."""
    missing = [name for name in names if not _is_current(name)]
    if not missing:
        return
    _need_venv_module()
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(_install, missing))


def _stamp(name: str) -> str:
    requirements = (REQUIREMENTS / f"{name}.txt").read_bytes()
    return hashlib.sha256(requirements + sys.version.encode()).hexdigest()


def _is_current(name: str) -> bool:
    stamp = folder(name) / "stamp"
    return stamp.is_file() and stamp.read_text() == _stamp(name)


def _install(name: str) -> None:
    home = folder(name)
    log = VENVS / f"{name}.log"
    with step(f"installing {name} (infra/requirements/{name}.txt), once"):
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        interpreter = getattr(sys, "_base_executable", sys.executable)
        pip = [str(home / "bin" / "pip"), "--disable-pip-version-check", "--no-input"]
        install = [*pip, "install", "--requirement", str(REQUIREMENTS / f"{name}.txt")]
        with log.open("wb") as output:
            for command in ([interpreter, "-m", "venv", str(home)], install):
                done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
                if done.returncode != 0:
                    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                    raise Trouble(f"installing {name} failed; the end of {log}:\n{tail}")
        (home / "stamp").write_text(_stamp(name))


def _need_venv_module() -> None:
    """Debian splits `venv` off Python; it is installed where that is allowed, and asked for where it is not."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        with step("installing python3-venv from Debian"):
            for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "python3-venv"]):
                if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
                    raise Trouble(f"`{' '.join(command)}` failed")
        importlib.invalidate_caches()
        return
    raise Trouble("Python's venv module is missing: `sudo apt-get install python3-venv`, then run this again")
