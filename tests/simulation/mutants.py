"""Puts the faults of mutants.toml into a copy of the tree, one at a time, and lets the simulation find them.

`mutants.py [WORD]` tries those whose names contain the word. The last line is `N of N mutants caught`. The copy and what is built of it
are below target/mutants; dependencies are the ones that are built already.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "mutants"
TREE = HOME / "tree"
SEEDS = 1_000


def main() -> int:
    mutants = tomllib.loads((ROOT / "tests/simulation/mutants.toml").read_text())["mutant"]
    wrong = [mutant["name"] for mutant in mutants if _times(mutant) != 1]
    if wrong:
        print("what is to be replaced is not there exactly once: " + "; ".join(wrong))
        return 1
    wanted = [mutant for mutant in mutants if sys.argv[1:2] == [] or sys.argv[1] in mutant["name"]]
    _copy()
    caught = sum(_is_caught(mutant) for mutant in wanted)
    print(f"{caught} of {len(wanted)} mutants caught")
    return 0 if caught == len(wanted) else 1


def _times(mutant: dict[str, str]) -> int:
    return (ROOT / mutant["file"]).read_text().count(mutant["search"])


def _copy() -> None:
    shutil.rmtree(TREE, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    if not (HOME / "target/debug").exists():
        (HOME / "target/debug").mkdir(parents=True)
        # Linked, not copied: cargo never changes what it has built, it replaces it.
        for folder, how in [("deps", "-al"), ("build", "-al"), (".fingerprint", "-a")]:
            source = ROOT / "target/debug" / folder
            if source.exists():
                subprocess.run(["cp", how, source, HOME / "target/debug"], check=True)


def _is_caught(mutant: dict[str, str]) -> bool:
    file = TREE / mutant["file"]
    original = file.read_text()
    file.write_text(original.replace(mutant["search"], mutant["replace"]))
    try:
        held, said = _simulate()
    finally:
        file.write_text(original)
    found = re.findall(r"^seed (\d+) failed", said, re.MULTILINE)
    by = said.splitlines()[0] if found else f"{SEEDS} seeds held"
    print(f"{'caught  ' if found else 'SURVIVES'}  {mutant['name']}: {f'seed {found[0]}, ' if found else ''}{by}", flush=True)
    return bool(found) and not held


def _simulate() -> tuple[bool, str]:
    """Whether all seeds held, and what the simulation said."""
    build = ["cargo", "build", "--workspace", "--bin", "simulate", "--locked", "--quiet", "--target-dir", HOME / "target"]
    # A mutant may leave something unused.
    subprocess.run(build, cwd=TREE, check=True)
    run = subprocess.run(
        [HOME / "target/debug/simulate", "--seeds", str(SEEDS)], cwd=TREE, capture_output=True, text=True, check=False
    )
    return run.returncode == 0, run.stdout


if __name__ == "__main__":
    sys.exit(main())
