"""Builds the functions once for the whole workspace and lays them out as `sam build` would.

`sam build` compiles every function's dependencies apart; one workspace build shares them. The package folder holds the template,
byte for byte, and under each function's CodeUri its `bootstrap`: SAM looks for code beside the template, so nothing is rewritten.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from .places import REPO, TARGET, TEMPLATE, Places
from .say import Trouble, step
from .template import Function, functions

Profile = Literal["dev", "release"]

PRODUCED_FILES: dict[str, dict[str, list[str]]] = {"scanning": {"rules.bin": ["souk", "rules"]}}
"""Files that go beside a function's bootstrap: file name → the workspace binary that writes it, and its arguments before the path.

The scanner's rules are compiled here and not in a build script, which would compile the rule engine a second time."""


TOOLS = ["souk", "stripe-standin", "paypal-standin"]
"""What the local stack runs beside the functions."""


def build(profile: Profile, extra: Sequence[str] = ()) -> Path:
    """Compiles what the stack is made of, and nothing else: what is optimised takes a minute for each binary.

    `extra` names further binaries with the feature that each needs, as `bench/bench`. The folder with the results.
    """
    if not shutil.which("cargo"):
        raise Trouble("cargo is missing: install Rust with rustup, then run this again")
    wanted = [f"--bin={name}" for name in TOOLS + [function.name for function in functions()]]
    wanted += [f"--bin={each.partition('/')[0]}" for each in extra] + [f"--features={each}" for each in extra]
    command = ["cargo", "build", "--workspace", "--locked"] + (["--release"] if profile == "release" else [])
    with step(f"building the binaries: {' '.join(command)}"):
        if subprocess.run(command + wanted, cwd=REPO, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            raise Trouble("the build failed, see above")
    target = Path(os.environ.get("CARGO_TARGET_DIR", TARGET))
    return target / ("release" if profile == "release" else "debug")


def lay_out(binaries: Path, places: Places) -> list[Function]:
    """Fills the package folder with what changed since the last time."""
    places.package.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, places.package / "template.yaml")
    all_functions = functions()
    for function in all_functions:
        folder = places.package / function.code
        folder.mkdir(parents=True, exist_ok=True)
        _copy_stripped(_need(binaries / function.name), folder / "bootstrap")
        for file, (producer, *arguments) in PRODUCED_FILES.get(function.name, {}).items():
            _produce(_need(binaries / producer), arguments, folder / file)
    return all_functions


def _need(binary: Path) -> Path:
    if not binary.is_file():
        raise Trouble(f"{binary} is missing: template.yaml names a function for which the workspace has no binary")
    return binary


def _copy_stripped(source: Path, destination: Path) -> None:
    """A dev binary is mostly symbols, and every deploy zips it. Without `strip` the deploy is slower and otherwise the same."""
    if _is_newer(destination, source):
        return
    partial = destination.with_suffix(".partial")
    shutil.copyfile(source, partial)
    if shutil.which("strip"):
        subprocess.run(["strip", str(partial)], stderr=subprocess.DEVNULL, check=False)
    partial.chmod(0o755)
    partial.replace(destination)


def _produce(producer: Path, arguments: list[str], destination: Path) -> None:
    if _is_newer(destination, producer):
        return
    done = subprocess.run([str(producer), *arguments, str(destination)], cwd=REPO, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0 or not destination.is_file():
        raise Trouble(f"{producer.name} did not write {destination}")


def _is_newer(file: Path, than: Path) -> bool:
    return file.is_file() and file.stat().st_mtime >= than.stat().st_mtime
