"""The commands: `python3 -m infra.local run | stop | build | install | test-stack`, run from the checkout. `make` calls them."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from . import venvs
from .places import REPO, REQUIREMENTS, TARGET, Places
from .say import Trouble, complain, line

DEFAULT_STATE = TARGET / "local"
DEFAULT_PORT = 4566

IN_A_HURRY = {
    "PayoutHoldDays": "0",
    "PayoutCoolOffHours": "0",
    "FreshSignInMinutes": "43200",
    "PayoutMinimumMinor": "1",
    "PayoutSchedule": "rate(1 minute)",
    "ReconcileSchedule": "rate(5 minutes)",
    "ReconcileGraceMinutes": "1",
}
"""Whoever tries Souk on one machine wants to see the partner paid a minute after the sale, not a week."""


def main() -> int:
    arguments = _parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGHUP, _as_interrupt)
    try:
        _move_into_the_runners_venv()
        return int(arguments.command(arguments))
    except Trouble as trouble:
        complain(str(trouble))
        return 1
    except KeyboardInterrupt:
        line("\nStopped; nothing is left running.")
        return 130


def run(arguments: argparse.Namespace) -> int:
    from . import guide, seed, stack

    parameters = IN_A_HURRY | _parameters(arguments)
    options = stack.Options(_places(arguments), arguments.profile, arguments.port, parameters, arguments.binaries)
    with stack.standing(options) as standing:
        listings = [] if arguments.no_seed else seed.seed(standing)
        guide.print_guide(options.places, standing.description, listings)
        if arguments.detach:
            standing.children.release()
            line("It runs on in the background; `make stop` ends it.")
            return 0
        line("Ctrl-C ends it.")
        while (ended := standing.children.ended()) is None:
            time.sleep(0.5)
        raise Trouble(f"{ended.name} ended by itself; the end of {ended.log}:\n{ended.tail()}")


def stop(arguments: argparse.Namespace) -> int:
    from . import processes, stack

    places = _places(arguments)
    stopped = processes.stop_recorded(places)
    stack.forget(places)
    line("Stopped." if stopped else "Nothing was running.")
    return 0


def build(arguments: argparse.Namespace) -> int:
    from . import build as builder

    binaries = arguments.binaries or builder.build(arguments.profile, arguments.extra)
    functions = builder.lay_out(binaries, _places(arguments))
    line(f"{len(functions)} functions are laid out in {_places(arguments).package.relative_to(REPO)}")
    return 0


def test_stack(arguments: argparse.Namespace) -> int:
    """A stack on free ports for the length of one command, which finds it through SOUK_STACK."""
    from . import stack

    os.environ.pop("STRIPE_SECRET_KEY", None)  # tests move money only in the stand-in
    hurry = {
        "PayoutHoldDays": "0",
        "PayoutCoolOffHours": "0",
        "FreshSignInMinutes": "1440",
        "PayoutMinimumMinor": "1",
        "ReconcileGraceMinutes": "0",
    }
    parameters = hurry | _parameters(arguments)
    options = stack.Options(_places(arguments), arguments.profile, arguments.port, parameters, arguments.binaries)
    with stack.standing(options) as standing:
        environment = os.environ | {"SOUK_STACK": str(options.places.stack_json), "SOUK_BINARIES": str(standing.binaries)}
        return subprocess.run(arguments.run, env=environment, check=False).returncode


def install(arguments: argparse.Namespace) -> int:
    venvs.ensure(*arguments.tools)
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m infra.local", description="Souk on this machine.")
    commands = parser.add_subparsers(required=True)

    def command(name: str, function: object, summary: str, profile: str, port: int, state: Path) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(command=function)
        sub.add_argument("--state", type=Path, default=state, help="folder of the stack's state and logs (default: %(default)s)")
        sub.add_argument("--profile", choices=["dev", "release"], default=profile, help="which binaries (default: %(default)s)")
        sub.add_argument("--binaries", type=Path, help="a folder of binaries built already; nothing is built then")
        sub.add_argument(
            "--port",
            type=int,
            default=port,
            help="first of four ports: AWS, issuer, Stripe, PayPal; 0 for free ones (default: %(default)s)",
        )
        sub.add_argument(
            "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a template parameter; may be repeated"
        )
        return sub

    sub = command("run", run, "Build, deploy and seed the stack, and keep it until Ctrl-C.", "release", DEFAULT_PORT, DEFAULT_STATE)
    sub.add_argument("--detach", action="store_true", help="return when it is ready and leave it running")
    sub.add_argument("--no-seed", action="store_true", help="start with an empty marketplace")
    command("stop", stop, "End the stack that --state tells of.", "release", DEFAULT_PORT, DEFAULT_STATE)
    sub = command("build", build, "Build and lay out what would be deployed.", "release", DEFAULT_PORT, DEFAULT_STATE)
    sub.add_argument("--extra", action="append", default=[], metavar="BINARY/FEATURE", help="another binary; may be repeated")
    sub = commands.add_parser("install", help="Install Python tools and print nothing when they are there.")
    sub.set_defaults(command=install)
    sub.add_argument("tools", nargs="+", choices=[file.stem for file in sorted(REQUIREMENTS.glob("*.txt"))])
    sub = command("test-stack", test_stack, "Run a command against a stack of its own.", "dev", 0, TARGET / "test-stack")
    sub.add_argument("run", nargs="+", metavar="COMMAND", help="what to run, after --")
    return parser.parse_args(argv)


def _places(arguments: argparse.Namespace) -> Places:
    return Places(arguments.state.resolve())


def _parameters(arguments: argparse.Namespace) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in arguments.parameter)


def _move_into_the_runners_venv() -> None:
    """The runner needs boto3 and a YAML reader, which come with the emulator."""
    os.chdir(REPO)
    venvs.ensure(venvs.EMULATOR)
    python = venvs.program(venvs.EMULATOR, "python")
    if Path(sys.prefix).resolve() != venvs.folder(venvs.EMULATOR).resolve():
        os.execv(python, [str(python), "-m", "infra.local", *sys.argv[1:]])


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
