"""Deploys template.yaml with the SAM command line, as one would on AWS."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping

from botocore.exceptions import ClientError

from . import venvs
from .emulator import Emulator
from .places import Places
from .say import Trouble

ARTIFACTS = "souk-local-artifacts"
"""Bucket that the packages go through."""


def deploy(emulator: Emulator, places: Places, stack: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The stack's outputs."""
    emulator.client("s3").create_bucket(
        Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": emulator.client("s3").meta.region_name}
    )
    sam = str(venvs.program(venvs.SAM, "sam"))
    command = [sam, "deploy", "--stack-name", stack, "--template-file", str(places.package / "template.yaml")]
    command += ["--s3-bucket", ARTIFACTS, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    # MiniStack takes the API's id from this tag, so that its address is the same in every run.
    command += ["--tags", f"ms-custom-id={stack}", "--no-confirm-changeset", "--no-progressbar"]
    command += ["--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items())]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(places.temporary),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
        **emulator.environment(),
    }
    places.logs.mkdir(parents=True, exist_ok=True)
    log = places.logs / "deploy.log"
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            env=environment,
            cwd=places.package,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise Trouble(f"the deploy failed ({log}):\n{_reasons(emulator, stack) or log.read_text(errors='replace')[-2000:]}")
    [described] = emulator.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def allow_plain_http(emulator: Emulator, buckets: Iterable[str]) -> None:
    """Lifts the rule that refuses access to a bucket without TLS: MiniStack enforces it and speaks plain HTTP."""
    for bucket in buckets:
        emulator.client("s3").delete_bucket_policy(Bucket=bucket)


def allow_mail(emulator: Emulator, function: str) -> None:
    """Lets the function send mail from any address: AWS checks the sender's identity, as the template says, MiniStack asks for `*`."""
    role = emulator.client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[-1]
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    emulator.client("iam").put_role_policy(RoleName=role, PolicyName="mail-on-ministack", PolicyDocument=document)


def _reasons(emulator: Emulator, stack: str) -> str:
    """What failed and why, out of the hundreds of events of a roll-back."""
    try:
        events = emulator.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    except ClientError:
        return ""
    return "\n".join(
        f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in events if e["ResourceStatus"].endswith("_FAILED")
    )
