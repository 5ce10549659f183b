"""Writes template.yaml as CloudFormation will see it: what SAM generates is what must be checked.

Run with the linters' Python: `transform.py OUT.json`.
"""

import json
import os
import sys
from pathlib import Path
from unittest import mock

import cfnlint.decode.cfn_yaml
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


def main() -> None:
    template = cfnlint.decode.cfn_yaml.load(str(TEMPLATE))
    template = json.loads(json.dumps(template))
    for resource in template["Resources"].values():
        # The transform accepts only code that is uploaded; where it lies makes no difference to what is generated.
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    # The transform asks which region and partition it writes for; the linters run without an account.
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-central-1"}):
        transformed = transform(template, {}, mock.Mock(load=dict))
    Path(sys.argv[1]).write_text(json.dumps(transformed, indent=1))


if __name__ == "__main__":
    main()
