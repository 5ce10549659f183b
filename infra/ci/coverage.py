"""Reports the lines covered by the last run of nextest.sh, for the crates named: `coverage.py shared scanner`.

Needs LLVM's tools in the version that rustc was built with. Without them the report is left out, and said to be.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PROFILES = REPO / "target" / "coverage"
LEFT_OUT = ("/tests.rs", "/tests/", "/testing/")
"""What tests are made of says nothing about how well they test."""


def main(crates: list[str]) -> int:
    installed = subprocess.run([sys.executable, "-m", "infra.local", "install", "coverage"], cwd=REPO, check=False)
    tools = next((REPO / "target" / "venv" / "coverage").glob("lib/*/site-packages/llvm/bin"), None)
    if installed.returncode != 0 or tools is None:
        print("coverage NOT REPORTED: LLVM's tools cannot be installed here")
        return 0
    try:
        files = _measured(tools)
    except subprocess.CalledProcessError as error:
        print(f"coverage NOT REPORTED: {Path(error.cmd[0]).name} failed; is its LLVM the one of `rustc --version --verbose`?")
        return 0
    for crate in crates:
        _report(crate, files)
    return 0


def _measured(tools: Path) -> list[dict[str, object]]:
    merged = PROFILES / "merged.profdata"
    profiles = PROFILES / "profiles.txt"
    profiles.write_text("".join(f"{file}\n" for file in PROFILES.glob("*.profraw")))
    _run(str(tools / "llvm-profdata"), "merge", "--sparse", f"--input-files={profiles}", "--output", str(merged))
    objects = [argument for binary in _test_binaries() for argument in ("--object", binary)]
    exported = _run(str(tools / "llvm-cov"), "export", "--summary-only", f"--instr-profile={merged}", *objects)
    return list(json.loads(exported)["data"][0]["files"])


def _report(crate: str, files: list[dict[str, object]]) -> None:
    source = str(REPO / crate / "src") + "/"
    covered = total = 0
    least: list[tuple[float, str]] = []
    for file in files:
        name = str(file["filename"])
        if not name.startswith(source) or any(part in name for part in LEFT_OUT):
            continue
        lines = file["summary"]["lines"]  # type: ignore[index]
        covered += lines["covered"]
        total += lines["count"]
        least.append((lines["percent"], name.removeprefix(source)))
    if total == 0:
        print(f"{crate}: no line was measured")
        return
    print(f"{crate}: {covered} of {total} lines covered, {100 * covered / total:.1f} %")
    for percent, name in sorted(least)[:5]:
        print(f"  {percent:5.1f} %  {name}")


def _test_binaries() -> list[str]:
    """As nextest runs them; listing builds nothing that is not built already."""
    environment = {"RUSTC_WORKSPACE_WRAPPER": str(REPO / "infra" / "ci" / "instrument.sh"), "LLVM_PROFILE_FILE": "/dev/null"}
    listed = _run(
        "env",
        *(f"{k}={v}" for k, v in environment.items()),
        "cargo",
        "nextest",
        "list",
        "--workspace",
        "--locked",
        "--list-type",
        "binaries-only",
        "--message-format",
        "json",
    )
    return [binary["binary-path"] for binary in json.loads(listed)["rust-binaries"].values()]


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
