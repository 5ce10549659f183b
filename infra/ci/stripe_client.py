"""Runs the stand-in's Python tests against a stand-in of their own. Called by stripe-client.sh."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")) / "debug" / "stripe-standin"
TESTS = REPO / "infra" / "local" / "stripe" / "tests" / "python"
KEY = "sk_test_client"


def main() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    standin = subprocess.Popen([str(BINARY), "--port", str(port), "--secret-key", KEY], stdin=subprocess.DEVNULL)
    try:
        _wait(url)
        environment = os.environ | {"STRIPE_STANDIN_URL": url, "STRIPE_STANDIN_KEY": KEY}
        return subprocess.run(
            [sys.executable, "-m", "unittest", "discover", "--start-directory", str(TESTS)], env=environment, check=False
        ).returncode
    finally:
        standin.terminate()
        standin.wait()


def _wait(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{url}/_control", timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the stand-in does not answer at {url}")


if __name__ == "__main__":
    sys.exit(main())
