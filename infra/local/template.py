"""What the runner must know of template.yaml: which functions there are, and where their code lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from .places import TEMPLATE


@dataclass(frozen=True)
class Function:
    logical_id: str
    name: str
    """Folder, package and binary have the same name."""
    code: str
    """Its CodeUri, relative to the template."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation's short tags as what they tag: the runner never looks inside them."""


def _untagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _untagged)


def functions() -> list[Function]:
    resources = yaml.load(TEMPLATE.read_text(), Loader=_Loader)["Resources"]
    found = []
    for logical_id, resource in resources.items():
        if resource["Type"] == "AWS::Serverless::Function":
            code = resource["Properties"]["CodeUri"]
            found.append(Function(logical_id, code.rpartition("/")[2], code))
    return found
