"""MiniStack: AWS on this machine, with IAM enforced."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import boto3

from . import venvs
from .places import REPO, Places
from .ports import HOST, Ports
from .processes import Children

REGION = "eu-central-1"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"
"""MiniStack's root user. The functions get credentials of their own roles."""


@dataclass(frozen=True)
class Emulator:
    endpoint: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )

    def environment(self) -> dict[str, str]:
        """For tools that speak to the emulator, kept from whatever AWS configuration this machine has."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def start(children: Children, places: Places, ports: Ports) -> Emulator:
    places.temporary.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(f"http://localhost:{ports.emulator}")
    # Lambdas inherit this whole environment, so it holds nothing that could stand in for a variable missing from the template.
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(places.temporary),
        "TMPDIR": str(places.temporary),
        "GATEWAY_PORT": str(ports.emulator),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    launcher = REPO / "infra" / "local" / "launch_ministack.py"
    child = children.start(
        "ministack", [str(venvs.program(venvs.EMULATOR, "python")), str(launcher)], environment, places.temporary
    )
    child.wait_until_it_answers(f"{emulator.endpoint}/_ministack/health")
    return emulator
