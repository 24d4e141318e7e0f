"""Launch templates as EC2 has them, where moto 5.2.5 differs (lab.md A16, aws-facts 3.3).

* CreateLaunchTemplateVersion inherits from SourceVersion, and from nothing without it.
* ClientToken makes CreateLaunchTemplate and CreateLaunchTemplateVersion idempotent.
* DescribeLaunchTemplateVersions pages (200 a page) and knows its filters; versions that do not
  exist are InvalidLaunchTemplateId.VersionNotFound.
* The default version moves with ModifyLaunchTemplate alone, by SetDefaultVersion.
* User data given as text stays usable at launch.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.models import ec2_backends

from deployer.lab.actions import Call, Refused, replace

_PAGE = 200
_MISSING_TEMPLATE = "InvalidLaunchTemplateId.NotFound"
_MISSING_VERSION = "InvalidLaunchTemplateId.VersionNotFound"


class Tokens:
    """Answers already given, by client token: a repeated request gets the same answer."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}

    def recall(self, call: Call, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """The earlier answer to the same request.

        Raises:
            Refused: IdempotentParameterMismatch, the token was used for another request.
        """
        token = params.get("ClientToken")
        if not token or (call.action, token) not in self._given:
            return None
        asked, answer = self._given[call.action, token]
        if asked != _fingerprint(params):
            raise Refused(
                "IdempotentParameterMismatch",
                f"The client token {token} was used before with different parameters.",
            )
        return answer

    def keep(self, call: Call, params: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if token := params.get("ClientToken"):
            self._given[call.action, token] = (_fingerprint(params), answer)
        return answer


def _fingerprint(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)


def install() -> None:
    """Take over the actions on launch templates."""
    tokens = Tokens()

    def create(call: Call, params: dict[str, Any]) -> dict[str, Any]:
        return tokens.recall(call, params) or tokens.keep(call, params, call.moto())

    def create_version(call: Call, params: dict[str, Any]) -> dict[str, Any]:
        return tokens.recall(call, params) or tokens.keep(call, params, _new_version(call, params))

    replace("ec2", "CreateLaunchTemplate", create)
    replace("ec2", "CreateLaunchTemplateVersion", create_version)
    replace("ec2", "DescribeLaunchTemplateVersions", describe_versions)
    replace("ec2", "DescribeLaunchTemplates", describe_templates)
    replace("ec2", "ModifyLaunchTemplate", modify)


def _backend(call: Call) -> Any:
    return ec2_backends[call.account][call.region]


def _template(call: Call, params: Mapping[str, Any]) -> Any:
    """The template in moto, by id or name.

    Raises:
        Refused: there is none, or it is not named.
    """
    backend = _backend(call)
    wanted, name = params.get("LaunchTemplateId"), params.get("LaunchTemplateName")
    if bool(wanted) == bool(name):
        raise Refused(
            "MissingParameter" if not wanted else "InvalidParameterCombination",
            "Specify either the launch template ID or the launch template name, not both.",
        )
    found = backend.launch_templates.get(wanted or backend.launch_template_name_to_ids.get(name))
    if found is None and wanted:
        raise Refused(
            _MISSING_TEMPLATE,
            f"The specified launch template, with template ID {wanted}, does not exist.",
        )
    if found is None:
        raise Refused(
            "InvalidLaunchTemplateName.NotFoundException",
            f"The specified launch template, with template name {name}, does not exist.",
        )
    return found


def _version(template: Any, wanted: str) -> Any:
    """A version by number, `$Default` or `$Latest`.

    Raises:
        Refused: InvalidLaunchTemplateId.VersionNotFound.
    """
    if wanted == "$Default":
        wanted = str(template.default_version_number)
    elif wanted == "$Latest":
        return template.versions[-1]
    found = next((one for one in template.versions if str(one.number) == str(wanted)), None)
    if found is None:
        raise Refused(
            _MISSING_VERSION,
            f"Could not find the specified version {wanted} for the launch template with ID"
            f" {template.id}.",
        )
    return found


def _new_version(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    template = _template(call, params)
    data = dict(params.get("LaunchTemplateData") or {})
    if params.get("SourceVersion"):
        data = {**_version(template, params["SourceVersion"]).data, **data}
    if isinstance(data.get("UserData"), str):
        data["UserData"] = Base64EncodedString(data["UserData"])
    made = template.create_version(data, params.get("VersionDescription") or "")
    now = datetime.fromtimestamp(call.context.clock.now(), UTC)
    made.create_time = now.replace(tzinfo=None)  # as moto keeps times
    return {"LaunchTemplateVersion": _shown(call, template, made)}


def _shown(call: Call, template: Any, version: Any) -> dict[str, Any]:
    data = {
        key: str(value) if isinstance(value, Base64EncodedString) else value
        for key, value in version.data.items()
        if value is not None
    }
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "VersionDescription": version.description,
        "CreateTime": version.create_time,
        "CreatedBy": f"arn:aws:iam::{call.account}:root",
        "DefaultVersion": template.is_default(version),
        "LaunchTemplateData": data,
    }


def describe_versions(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    """Of one template, oldest first; without one, `$Latest` or `$Default` of all."""
    if params.get("LaunchTemplateId") or params.get("LaunchTemplateName"):
        template = _template(call, params)
        found = [(template, one) for one in _chosen(template, params)]
    else:
        wanted = params.get("Versions") or ()
        if not wanted or set(wanted) - {"$Latest", "$Default"}:
            raise Refused(
                "InvalidParameterValue",
                "Without a launch template, Versions may only be $Latest and $Default.",
            )
        templates = _backend(call).launch_templates.values()
        found = [(one, _version(one, version)) for one in templates for version in wanted]
    shown = [_shown(call, template, version) for template, version in found]
    kept = [one for one in shown if all(_passes(one, f) for f in params.get("Filters") or ())]
    return _page("LaunchTemplateVersions", kept, params)


def _chosen(template: Any, params: Mapping[str, Any]) -> Iterator[Any]:
    """The versions asked for by Versions, or within MinVersion..MaxVersion; else all."""
    if params.get("Versions"):
        chosen = {_version(template, one).number for one in params["Versions"]}
        yield from (one for one in template.versions if one.number in chosen)
        return
    low, high = int(params.get("MinVersion") or 1), params.get("MaxVersion")
    for one in template.versions:
        if one.number >= low and (high is None or one.number <= int(high)):
            yield one


def _passes(shown: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """The filters that deployers use.

    Raises:
        Refused: another filter.
    """
    data = shown["LaunchTemplateData"]
    facts = {
        "image-id": data.get("ImageId"),
        "instance-type": data.get("InstanceType"),
        "is-default-version": str(shown["DefaultVersion"]).lower(),
    }
    if asked["Name"] not in facts:
        raise Refused(
            "NotImplemented",
            f"the lab does not simulate DescribeLaunchTemplateVersions with filter {asked['Name']}",
        )
    return facts[asked["Name"]] in (asked.get("Values") or ())


def describe_templates(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    """By ids, names, or the filters launch-template-name, tag:KEY and tag-key."""
    backend = _backend(call)
    named = [{"LaunchTemplateId": one} for one in params.get("LaunchTemplateIds") or ()]
    named += [{"LaunchTemplateName": one} for one in params.get("LaunchTemplateNames") or ()]
    found = [_template(call, one) for one in named] or list(backend.launch_templates.values())
    shown = [
        _summary(call, one)
        for one in found
        if all(_matches(one, asked) for asked in params.get("Filters") or ())
    ]
    return _page("LaunchTemplates", shown, params)


def _matches(template: Any, asked: Mapping[str, Any]) -> bool:
    name, values = asked["Name"], asked.get("Values") or ()
    tags = {tag["key"]: tag["value"] for tag in template.get_tags()}
    match name.partition(":"):
        case ("launch-template-name", "", ""):
            return template.name in values
        case ("tag-key", "", ""):
            return not tags.keys().isdisjoint(values)
        case ("tag", ":", key):
            return tags.get(key) in values
    raise Refused(
        "NotImplemented", f"the lab does not simulate DescribeLaunchTemplates with filter {name}"
    )


def _summary(call: Call, template: Any) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.create_time,
        "CreatedBy": f"arn:aws:iam::{call.account}:root",
        "DefaultVersionNumber": template.default_version_number,
        "LatestVersionNumber": template.latest_version_number,
        "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in template.get_tags()],
    }


def modify(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    """SetDefaultVersion is what boto3 calls DefaultVersion; the version must exist."""
    template = _template(call, params)
    if params.get("DefaultVersion"):
        template.default_version_number = _version(template, params["DefaultVersion"]).number
    return {"LaunchTemplate": _summary(call, template)}


def _page(key: str, items: list[dict[str, Any]], params: Mapping[str, Any]) -> dict[str, Any]:
    size = int(params.get("MaxResults") or _PAGE)
    if not 1 <= size <= _PAGE:
        raise Refused("InvalidParameterValue", f"MaxResults must be between 1 and {_PAGE}")
    try:
        start = int(params.get("NextToken") or 0)
    except ValueError as error:
        raise Refused("InvalidNextToken", "The token is not valid.") from error
    shown: dict[str, Any] = {key: items[start : start + size]}
    if start + size < len(items):
        shown["NextToken"] = str(start + size)
    return shown
