"""Where things lie: the checkout, what is built once for all stacks, and what one stack keeps to itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
TEMPLATE = REPO / "template.yaml"
REQUIREMENTS = REPO / "infra" / "requirements"
TARGET = REPO / "target"
VENVS = TARGET / "venv"


@dataclass(frozen=True)
class Places:
    """What one running stack writes. Two stacks with different state folders do not meet."""

    state: Path

    @property
    def stack_json(self) -> Path:
        return self.state / "stack.json"

    @property
    def tokens(self) -> Path:
        return self.state / "tokens"

    @property
    def processes(self) -> Path:
        return self.state / "processes.json"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def temporary(self) -> Path:
        """Scratch of the emulator, above all its unpacked functions; goes with the stack."""
        return self.state / "tmp"

    @property
    def package(self) -> Path:
        """What is deployed: the template as it is, and beside it each function's folder with its binary."""
        return self.state / "package"
