"""How a service's table says what its API actions need. Pure.

A table maps an API action to a `Needs`: a function of the call's parameters and the lab's facts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deployer.lab.iam.asked import NO_RESOURCE, Ask, Values

Params = Mapping[str, Any]


class Facts(Protocol):
    """What the parameters alone do not tell."""

    account: str
    region: str

    def group_arn(self, name: str) -> str:
        """ARN of an Auto Scaling group; with `*` for its id if there is none of this name."""
        ...

    def group_of(self, instance: str) -> str:
        """Name of the group that an instance is in; `*` if it is in none."""
        ...

    def template_id(self, name: str) -> str:
        """Id of a launch template; the name itself if there is none."""
        ...

    def tags(self, arn: str) -> Mapping[str, str]:
        """A resource's tags; none if it does not exist.

        Raises:
            Unsupported: of a service whose tags the lab cannot tell.
        """
        ...


Needs = Callable[[Params, Facts], Sequence[Ask]]


@dataclass(frozen=True, slots=True)
class Table:
    """A service's API actions.

    prefix: of its IAM actions, which is not always boto3's name.
    """

    prefix: str
    needs: Mapping[str, Needs]


def arn(facts: Facts, service: str, rest: str) -> str:
    """`arn:aws:SERVICE:REGION:ACCOUNT:REST`; what is an ARN already stays."""
    if rest.startswith("arn:"):
        return rest
    return f"arn:aws:{service}:{facts.region}:{facts.account}:{rest}"


def anywhere(action: str) -> Needs:
    """An action that is authorized on no particular resource."""
    return lambda _params, _facts: (Ask(action, NO_RESOURCE),)


def on(action: str, name: str) -> Needs:
    """On the ARN, or each of a list of ARNs, that this parameter holds."""

    def needs(params: Params, _facts: Facts) -> Sequence[Ask]:
        given = params[name]
        return [Ask(action, each) for each in ([given] if isinstance(given, str) else given)]

    return needs


def nothing(_params: Params, _facts: Facts) -> Sequence[Ask]:
    """An action that needs no permission."""
    return ()


def request_tags(tags: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    """Condition keys of the tags that a call carries (`[{"Key", "Value"}]`)."""
    if not tags:
        return {}
    found: dict[str, Values] = {
        f"aws:requesttag/{tag['Key'].lower()}": (str(tag.get("Value", "")),) for tag in tags
    }
    return {**found, "aws:tagkeys": tuple(str(tag["Key"]) for tag in tags)}
