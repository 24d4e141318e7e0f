"""AWS::IAM::*. Who runs under a role is held to these documents by deployer.lab.iam."""

import json
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

MOST_VERSIONS = 5  # of a managed policy


def _document(value: Any) -> str:
    """Policy documents are JSON text in the API; where AWS implies a Version, moto wants it said."""
    return json.dumps({"Version": "2012-10-17", **value})


# -- role


def _create_role(work: Work) -> None:
    name = work.get("RoleName") or work.name(64)
    work.api(
        "iam",
        "create_role",
        RoleName=name,
        AssumeRolePolicyDocument=_document(work.need("AssumeRolePolicyDocument")),
        Tags=work.all_tags() or None,
        **work.pick("Path", "Description", "MaxSessionDuration", "PermissionsBoundary"),
    )
    work.physical_id = name
    _set_role_policies(work)


def _update_role(work: Work) -> None:
    work.api(
        "iam",
        "update_assume_role_policy",
        RoleName=work.id,
        PolicyDocument=_document(work.need("AssumeRolePolicyDocument")),
    )
    if work.changed("Description", "MaxSessionDuration"):
        work.api(
            "iam",
            "update_role",
            RoleName=work.id,
            Description=work.get("Description", ""),
            MaxSessionDuration=work.get("MaxSessionDuration", 3600),
        )
    if work.changed("PermissionsBoundary"):
        _set_boundary(work)
    _set_role_policies(work)
    if work.all_tags():
        work.api("iam", "tag_role", RoleName=work.id, Tags=work.all_tags())
    if work.removed_tags():
        work.api("iam", "untag_role", RoleName=work.id, TagKeys=work.removed_tags())


def _set_boundary(work: Work) -> None:
    boundary = work.get("PermissionsBoundary")
    if boundary:
        work.api(
            "iam",
            "put_role_permissions_boundary",
            RoleName=work.id,
            PermissionsBoundary=boundary,
        )
    else:
        work.api("iam", "delete_role_permissions_boundary", RoleName=work.id)


def _set_role_policies(work: Work) -> None:
    old, new = (set(each.get("ManagedPolicyArns", [])) for each in (work.before, work.properties))
    for arn in sorted(new - old):
        work.api("iam", "attach_role_policy", RoleName=work.id, PolicyArn=arn)
    for arn in sorted(old - new):
        work.api("iam", "detach_role_policy", RoleName=work.id, PolicyArn=arn)
    inline = {one["PolicyName"]: one["PolicyDocument"] for one in work.get("Policies", [])}
    for name, document in inline.items():
        work.api(
            "iam",
            "put_role_policy",
            RoleName=work.id,
            PolicyName=name,
            PolicyDocument=_document(document),
        )
    for name in {one["PolicyName"] for one in work.before.get("Policies", [])} - set(inline):
        work.api("iam", "delete_role_policy", RoleName=work.id, PolicyName=name)


def _delete_role(work: Work) -> None:
    """What is really attached goes, not what the template says: it may have been half made."""
    attached = work.api("iam", "list_attached_role_policies", RoleName=work.id)
    for one in attached["AttachedPolicies"]:
        work.api("iam", "detach_role_policy", RoleName=work.id, PolicyArn=one["PolicyArn"])
    if "Policies" in work.properties:  # others' inline policies keep a role alive, as on AWS
        own = {one["PolicyName"] for one in work.get("Policies")}
        there = set(work.api("iam", "list_role_policies", RoleName=work.id)["PolicyNames"])
        for name in sorted(own & there):
            work.api("iam", "delete_role_policy", RoleName=work.id, PolicyName=name)
    work.api("iam", "delete_role", RoleName=work.id)


def _read_role(work: Work) -> dict[str, Any]:
    role = work.api("iam", "get_role", RoleName=work.id)["Role"]
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


# -- inline policy

_HOLDERS = {"Roles": "Role", "Users": "User", "Groups": "Group"}


def _put_policy(work: Work) -> None:
    name = work.need("PolicyName")
    document = _document(work.need("PolicyDocument"))
    for holders, holder in _HOLDERS.items():
        wanted = work.get(holders, [])
        for one in wanted:
            work.api(
                "iam",
                f"put_{holder.lower()}_policy",
                **{f"{holder}Name": one},
                PolicyName=name,
                PolicyDocument=document,
            )
        for one in [each for each in work.before.get(holders, []) if each not in wanted]:
            _drop_policy(work, holder, one, name)


def _create_policy(work: Work) -> None:
    work.physical_id = work.name(64)
    _put_policy(work)


def _drop_policy(work: Work, holder: str, owner: str, name: str) -> None:
    work.api("iam", f"delete_{holder.lower()}_policy", **{f"{holder}Name": owner}, PolicyName=name)


def _delete_policy(work: Work) -> None:
    for holders, holder in _HOLDERS.items():
        for one in work.get(holders, []):
            _drop_policy(work, holder, one, work.need("PolicyName"))


# -- managed policy


def _create_managed(work: Work) -> None:
    made = work.api(
        "iam",
        "create_policy",
        PolicyName=work.get("ManagedPolicyName") or work.name(128),
        PolicyDocument=_document(work.need("PolicyDocument")),
        **work.pick("Path", "Description"),
    )
    work.physical_id = made["Policy"]["Arn"]
    _attach_managed(work)


def _update_managed(work: Work) -> None:
    if work.changed("PolicyDocument"):
        versions = work.api("iam", "list_policy_versions", PolicyArn=work.id)["Versions"]
        if len(versions) == MOST_VERSIONS:
            oldest = min(
                (one for one in versions if not one["IsDefaultVersion"]),
                key=lambda one: int(one["VersionId"][1:]),
            )
            work.api(
                "iam", "delete_policy_version", PolicyArn=work.id, VersionId=oldest["VersionId"]
            )
        work.api(
            "iam",
            "create_policy_version",
            PolicyArn=work.id,
            PolicyDocument=_document(work.need("PolicyDocument")),
            SetAsDefault=True,
        )
    _attach_managed(work)


def _attach_managed(work: Work) -> None:
    for holders, holder in _HOLDERS.items():
        old, new = (set(each.get(holders, [])) for each in (work.before, work.properties))
        for verb, names in (("attach", new - old), ("detach", old - new)):
            for name in sorted(names):
                work.api(
                    "iam",
                    f"{verb}_{holder.lower()}_policy",
                    **{f"{holder}Name": name},
                    PolicyArn=work.id,
                )


def _delete_managed(work: Work) -> None:
    work.before, work.properties = work.properties, {}
    _attach_managed(work)
    for one in work.api("iam", "list_policy_versions", PolicyArn=work.id)["Versions"]:
        if not one["IsDefaultVersion"]:
            work.api("iam", "delete_policy_version", PolicyArn=work.id, VersionId=one["VersionId"])
    work.api("iam", "delete_policy", PolicyArn=work.id)


# -- instance profile


def _create_profile(work: Work) -> None:
    name = work.get("InstanceProfileName") or work.name(128)
    work.api("iam", "create_instance_profile", InstanceProfileName=name, **work.pick("Path"))
    work.physical_id = name
    _set_roles(work)


def _set_roles(work: Work) -> None:
    old, new = (set(each.get("Roles", [])) for each in (work.before, work.properties))
    for verb, names in (("remove", old - new), ("add", new - old)):
        where = "from" if verb == "remove" else "to"
        for name in sorted(names):
            work.api(
                "iam",
                f"{verb}_role_{where}_instance_profile",
                InstanceProfileName=work.id,
                RoleName=name,
            )


def _delete_profile(work: Work) -> None:
    work.before, work.properties = work.properties, {}
    _set_roles(work)
    work.api("iam", "delete_instance_profile", InstanceProfileName=work.id)


def _read_profile(work: Work) -> dict[str, Any]:
    found = work.api("iam", "get_instance_profile", InstanceProfileName=work.id)
    return {"Arn": found["InstanceProfile"]["Arn"]}


KINDS: list[Kind] = [
    kind(
        "AWS::IAM::Role",
        "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration "
        "PermissionsBoundary Policies Tags",
        fixed="RoleName Path",
        create=_create_role,
        update=_update_role,
        delete=_delete_role,
        read=_read_role,
    ),
    kind(
        "AWS::IAM::Policy",
        "PolicyDocument Roles Users Groups",
        frozen="PolicyName",
        create=_create_policy,
        update=_put_policy,
        delete=_delete_policy,
        read=lambda work: {"Id": work.id},
    ),
    kind(
        "AWS::IAM::ManagedPolicy",
        "PolicyDocument Roles Users Groups",
        fixed="ManagedPolicyName Path Description",
        create=_create_managed,
        update=_update_managed,
        delete=_delete_managed,
        read=lambda work: {"PolicyArn": work.id},
    ),
    kind(
        "AWS::IAM::InstanceProfile",
        "Roles",
        fixed="InstanceProfileName Path",
        create=_create_profile,
        update=_set_roles,
        delete=_delete_profile,
        read=_read_profile,
    ),
]
