"""The variables that lead to a local stack's books, for a shell, out of its stack.json."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path


def main(path: Path) -> int:
    if not path.is_file():
        print(f"{path} is missing: start a stack with `make run`, or name a deployed one's LEDGER_TABLE and COMMERCE_TABLE", file=sys.stderr)
        return 1
    stack = json.loads(path.read_text())
    variables = {
        "AWS_REGION": stack["region"],
        "AWS_ACCESS_KEY_ID": stack["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": stack["secret_access_key"],
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "LEDGER_TABLE": stack["tables"]["ledger"],
        "COMMERCE_TABLE": stack["tables"]["commerce"],
    }
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
