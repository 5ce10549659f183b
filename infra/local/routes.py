"""Gives the API its routes.

MiniStack accepts the OpenAPI document that SAM makes of the `HttpApi` events and then ignores it, so every route would be 404.
The document of the processed template is therefore put into effect here through the public API Gateway calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .emulator import REGION, Emulator
from .say import Trouble

METHODS = {"get", "post", "put", "patch", "delete", "options", "head"}


def put_into_effect(emulator: Emulator, stack: str, parameters: Mapping[str, str]) -> int:
    """Creates what the document says; the number of routes."""
    cloudformation = emulator.client("cloudformation")
    template = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template = template if isinstance(template, dict) else json.loads(template)
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    apis = {name: r for name, r in template["Resources"].items() if r["Type"] == "AWS::ApiGatewayV2::Api"}
    if len(apis) != 1:
        raise Trouble(f"the template has {len(apis)} HTTP APIs, not one")
    [(name, api)] = apis.items()
    gateway = emulator.client("apigatewayv2")
    document = api["Properties"]["Body"]
    _allow_origins(gateway, physical[name], document, parameters)
    return _route(gateway, physical, physical[name], document)


def _route(gateway: Any, physical: Mapping[str, str], api_id: str, document: Mapping[str, Any]) -> int:
    integrations: dict[str, str] = {}
    count = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            logical_id = _function(operation["x-amazon-apigateway-integration"]["uri"])
            if logical_id not in integrations:
                arn = f"arn:aws:lambda:{REGION}:000000000000:function:{physical[logical_id]}"
                made = gateway.create_integration(
                    ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
                )
                integrations[logical_id] = made["IntegrationId"]
            gateway.create_route(
                ApiId=api_id, RouteKey=f"{method.upper()} {path}", Target=f"integrations/{integrations[logical_id]}"
            )
            count += 1
    return count


def _function(uri: Any) -> str:
    """The logical id inside `{"Fn::Sub": "arn:…/functions/${OnboardingFunction.Arn}/invocations"}`."""
    found = re.search(r"functions/\$\{(\w+)\.Arn\}", json.dumps(uri))
    if not found:
        raise Trouble(f"an integration that names no function: {uri}")
    return found.group(1)


def _allow_origins(gateway: Any, api_id: str, document: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    cors = document.get("x-amazon-apigateway-cors")
    if not cors:
        return
    names = {
        "allowOrigins": "AllowOrigins",
        "allowMethods": "AllowMethods",
        "allowHeaders": "AllowHeaders",
        "exposeHeaders": "ExposeHeaders",
        "maxAge": "MaxAge",
        "allowCredentials": "AllowCredentials",
    }
    gateway.update_api(ApiId=api_id, CorsConfiguration={names[key]: _resolved(value, parameters) for key, value in cors.items()})


def _resolved(value: Any, parameters: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(entry, parameters) for entry in value]
    if isinstance(value, dict) and set(value) == {"Ref"}:
        return parameters[value["Ref"]]
    return value
