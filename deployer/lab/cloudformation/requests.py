"""From an API request to a blueprint: template, parameters, tags, zones, exports."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from deployer.lab import inprocess
from deployer.lab.cloudformation import document, parameters
from deployer.lab.cloudformation.blueprint import Blueprint, draw
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.stack import Stack, Stacks
from deployer.lab.cloudformation.template import Scope
from deployer.lab.context import Context


class Exports(Mapping[str, str]):
    """The region's exports; remembers in `used` which were imported."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.used.add(name)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Reader:
    """Reads requests; the lab's lock is held by the caller."""

    def __init__(self, context: Context, stacks: Stacks) -> None:
        self._context, self._stacks = context, stacks

    def blueprint(self, params: Mapping[str, Any], stack: Stack) -> Blueprint:
        """What the request wants the stack to be.

        Raises:
            TemplateInvalid: it cannot be.
        """
        text = self.text(params, stack)
        template = document.load(text)
        previous = stack.blueprint.parameters.inputs if stack.blueprint else {}
        given, kept = _given(params.get("Parameters", ()), previous)
        settled = parameters.settle(template.get("Parameters", {}), given, kept, self.ssm)
        return draw(text, template, settled, self.scope(stack, params))

    def text(self, params: Mapping[str, Any], stack: Stack | None) -> str:
        """The template: in the request, at its URL, or the one before.

        Raises:
            TemplateInvalid: none, or it cannot be fetched.
        """
        if params.get("TemplateBody"):
            return str(params["TemplateBody"])
        if params.get("TemplateURL"):
            return self._fetch(str(params["TemplateURL"]))
        if params.get("UsePreviousTemplate") and stack is not None and stack.blueprint:
            return stack.blueprint.text
        raise TemplateInvalid("Either Template URL or Template Body must be specified.")

    def scope(self, stack: Stack, params: Mapping[str, Any]) -> Scope:
        """Pseudo parameters, exports and zones."""
        context = self._context
        pseudo = {
            "AWS::AccountId": context.account,
            "AWS::Region": context.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack.name,
            "AWS::StackId": stack.id,
            "AWS::NotificationARNs": list(params.get("NotificationARNs", ())),
        }
        return Scope(
            parameters=pseudo,
            exports=Exports(self._stacks.exports),
            zones=self.zones,
            ssm=self.ssm,
        )

    def zones(self) -> list[str]:
        """The region's availability zones."""
        answer = inprocess.client(self._context, "ec2").describe_availability_zones()
        return [zone["ZoneName"] for zone in answer["AvailabilityZones"]]

    def ssm(self, name: str) -> str:
        """The value of a Systems Manager parameter.

        Raises:
            TemplateInvalid: there is none.
        """
        client = inprocess.client(self._context, "ssm")
        try:
            return str(client.get_parameter(Name=name)["Parameter"]["Value"])
        except client.exceptions.ParameterNotFound as error:
            raise TemplateInvalid(
                f"Unable to fetch parameters [{name}] from parameter store for this account."
            ) from error

    def _fetch(self, url: str) -> str:
        """A template in the lab's S3: path style or virtual-host style."""
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
        if host in ("localhost", "127.0.0.1") or host.startswith(("s3.", "s3-")):
            bucket, _, key = path.partition("/")
        else:
            bucket, key = host.partition(".s3.")[0].partition(".localhost")[0], path
        client = inprocess.client(self._context, "s3")
        try:
            body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except client.exceptions.ClientError as error:
            raise TemplateInvalid(f"S3 error: {error} ({url})") from error
        return body.decode()


def _given(sent: Any, previous: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(values given, values kept) from `[{ParameterKey, ParameterValue | UsePreviousValue}]`."""
    given, kept = {}, {}
    for one in sent:
        name = one["ParameterKey"]
        if not one.get("UsePreviousValue"):
            given[name] = str(one.get("ParameterValue", ""))
        elif name in previous:
            kept[name] = previous[name]
        else:
            raise TemplateInvalid(f"Parameter {name} has no previous value")
    return given, kept


def tags(sent: Any) -> dict[str, str]:
    """`[{Key, Value}]` as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in sent or ()}
