"""Puts the faults of mutants/ into a copy of the tree, and lets the simulation find them one at a time.

`mutants.py [WORD]` tries those whose names contain the word; `mutants.py --turn COMMIT` five of them, others after each commit. The last line is
`N of N mutants caught`. All faults are built into one program, in which the environment says which of them is there: what takes long is building.
The copy and what is built of it are below target/mutants; dependencies are the ones that are built already.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "mutants"
TREE = HOME / "tree"
SIMULATE = HOME / "target/debug/simulate"
SEEDS = 1_000
# How many are tried where not all can be.
TURN = 5
# Names the fault that is there, by its number.
SWITCH = "SIMULATION_MUTANT"


def main() -> int:
    mutants = list(enumerate(_read()))
    wrong = [mutant["name"] for _, mutant in mutants if _original(mutant).count(_parts(mutant)[1]) != 1]
    if wrong:
        print("what is to be replaced is not there exactly once: " + "; ".join(wrong))
        return 1
    wanted = _wanted(mutants, sys.argv[1:])
    _copy()
    for number, mutant in mutants:
        _plant(number, mutant)
    _build()
    held, said = _simulate(None, None)
    if not held:
        print(f"without any fault, the simulation fails:\n{said}")
        return 1
    caught = sum(_is_caught(number, mutant) for number, mutant in wanted)
    print(f"{caught} of {len(wanted)} mutants caught")
    return 0 if caught == len(wanted) else 1


def _wanted(mutants: list[tuple[int, dict[str, str]]], arguments: list[str]) -> list[tuple[int, dict[str, str]]]:
    match arguments:
        case []:
            return mutants
        case ["--turn", commit]:
            # One of each part of the list, so that they are of several areas.
            parts = [mutants[part * len(mutants) // TURN : (part + 1) * len(mutants) // TURN] for part in range(TURN)]
            return [part[int(commit[:8], 16) % len(part)] for part in parts]
        case [word] if not word.startswith("-"):
            return [each for each in mutants if word in each[1]["name"]]
        case _:
            raise SystemExit("mutants.py [WORD | --turn COMMIT]")


def _read() -> list[dict[str, str]]:
    """All faults, those of one area after those of another."""
    files = sorted((ROOT / "tests/simulation/mutants").glob("*.toml"))
    return [mutant for file in files for mutant in tomllib.loads(file.read_text())["mutant"]]


def _parts(mutant: dict[str, str]) -> tuple[str, str, str, str]:
    """What comes before the expression, all of it as it stands in the file, the expression, and what comes after."""
    before, rest = mutant["in"].split("«")
    expression, after = rest.split("»")
    return before, before + expression + after, expression, after


def _original(mutant: dict[str, str]) -> str:
    return (ROOT / mutant["file"]).read_text()


def _copy() -> None:
    """What has not changed keeps its time, so that only the rest is built again."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    shutil.rmtree(TREE, ignore_errors=True)
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


def _plant(number: int, mutant: dict[str, str]) -> None:
    file = TREE / mutant["file"]
    text = file.read_text()
    before, whole, expression, after = _parts(mutant)
    is_there = f'std::env::var_os("{SWITCH}").is_some_and(|on| on == "{number}")'
    planted = f"{before}(if {is_there} {{ {mutant['fault']} }} else {{ {expression} }}){after}"
    if text.count(whole) != 1:
        raise SystemExit(f"another fault is in the way of this one: {mutant['name']}")
    file.write_text(text.replace(whole, planted))


def _build() -> None:
    build = ["cargo", "build", "--workspace", "--bin", "simulate", "--locked", "--quiet", "--target-dir", HOME / "target"]
    # What is planted does not look good, so the compiler is heard only where it fails.
    built = subprocess.run(build, cwd=TREE, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise SystemExit(built.stderr)


def _is_caught(number: int, mutant: dict[str, str]) -> bool:
    held, said = _simulate(number, mutant.get("opening"))
    found = re.findall(r"^seed (\d+) (?:of the opening \S+ )?failed", said, re.MULTILINE)
    by = said.splitlines()[0] if found else f"{SEEDS} seeds held"
    print(f"{'caught  ' if found else 'SURVIVES'}  {mutant['name']}: {f'seed {found[0]}, ' if found else ''}{by}", flush=True)
    return bool(found) and not held


def _simulate(number: int | None, opening: str | None) -> tuple[bool, str]:
    """Whether all seeds held with this fault, and what the simulation said."""
    fault = {} if number is None else {SWITCH: str(number)}
    seeds = SEEDS if number is not None else SEEDS // 10
    played = [SIMULATE, "--seeds", str(seeds), *(["--opening", opening] if opening else [])]
    run = subprocess.run(played, cwd=TREE, capture_output=True, text=True, check=False, env={**os.environ, **fault})
    return run.returncode == 0, run.stdout


if __name__ == "__main__":
    sys.exit(main())
