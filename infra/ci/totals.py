"""Adds up what the test runners said at their ends: `totals.py LOG STATUS`. The last line is `N passed, N failed`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

NEXTEST = re.compile(r"^\s*Summary \[.*?\] +(\d+)(?:/\d+)? tests? run: (.*)$", re.MULTILINE)
LIBTEST = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;", re.MULTILINE)
SIMULATION = re.compile(r"^(\d+) of \d+ seeds held|^seed \d+ (?:of the opening \S+ )?failed", re.MULTILINE)
FUZZING = re.compile(r"^(\d+) readers withstood", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(OK|FAILED)(?: \((.*)\))?$", re.MULTILINE)


def main() -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", Path(sys.argv[1]).read_text(errors="replace"))
    passed = failed = 0
    for _, counts in NEXTEST.findall(text):
        passed += _count(counts, "passed")
        failed += _count(counts, "failed") + _count(counts, "timed out") + _count(counts, "exec failed")
    for ok, bad in LIBTEST.findall(text):
        passed, failed = passed + int(ok), failed + int(bad)
    for ran, _, details in UNITTEST.findall(text):
        bad = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", details))
        skipped = sum(int(number) for number in re.findall(r"skipped=(\d+)", details))
        passed, failed = passed + int(ran) - bad - skipped, failed + bad
    # All seeds of one kind of plan together are one test.
    for held in SIMULATION.findall(text):
        passed, failed = (passed + 1, failed) if held else (passed, failed + 1)
    passed += sum(int(readers) for readers in FUZZING.findall(text))
    # A step that failed without a failed test, such as a compile error, is one failure.
    if sys.argv[2] != "0" and failed == 0:
        failed = 1
    print(f"\n{passed} passed, {failed} failed")


def _count(counts: str, what: str) -> int:
    found = re.search(rf"(\d+) {what}", counts)
    return int(found.group(1)) if found else 0


if __name__ == "__main__":
    main()
