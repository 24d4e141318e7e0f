"""What `deployer init` writes: the settings as a file, and what is to be said about it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from deployer.aws import pacing
from deployer.aws.failures import asking
from deployer.aws.session import Aws
from deployer.aws.verify.adopting import Adopted, Choice, Running, adopt
from deployer.aws.verify.look import Look
from deployer.aws.verify.twin import journal_table
from deployer.errors import AccessProblem, NotFound, UsageError
from deployer.render.documents import Document
from deployer.render.words import iso
from deployer.topology import SERVICE_TAG
from deployer.wiring import endpoint

SLUG = "abcdefghijklmnopqrstuvwxyz0123456789-"


@dataclass(frozen=True, slots=True)
class Made:
    """A file to be, what a person must still say, and the command that comes next."""

    environment: str
    text: str
    unknown: tuple[str, ...]
    at: float
    following: str

    def page(self, path: Path) -> Text:
        """For people."""
        lines = [f"{path} is written: environment {self.environment}."]
        lines += ["Not known:"] * bool(self.unknown)
        lines += [f"  - {each}" for each in self.unknown]
        return Text("\n".join([*lines, f"Next: `{self.following}`"]))

    def document(self, path: Path) -> Document:
        """For programs."""
        return {
            "event": "settings", "at": iso(self.at), "path": str(path),
            "environment": self.environment, "unknown": list(self.unknown),
        }  # fmt: skip


def fresh(environment: str, service: str, region: str, image: str) -> Made:
    """For new stacks."""
    text = (
        "# deployer.example.toml explains every setting.\n\n"
        f"[service]\nname = {json.dumps(service)}\n\n"
        f"[environments.{section(environment)}]\nregion = {json.dumps(region)}\n"
        f'zones = ["{region}a", "{region}b"]\nimage = {json.dumps(image)}\n'
    )
    unknown = (f"the zones: {region}a and {region}b are a guess",)
    at = endpoint.chosen_clock(os.environ).now()
    return Made(environment, text, unknown, at, f"cdk deploy --all -c env={environment}")


def section(environment: str) -> str:
    """As a TOML key: a name that needs quotes gets them, and the settings say what they make of it."""
    return (
        environment if set(environment) <= {*SLUG, *SLUG.upper(), "_"} else json.dumps(environment)
    )


def adopted(environment: str, flags: Mapping[str, Any]) -> Made:
    """From what is running.

    Raises:
        UsageError and its kind: as `adopt`. CloudUnavailable: no answer.
    """
    endpoint.require_endpoint(os.environ)
    clock = endpoint.chosen_clock(os.environ)
    aws = Aws(flags["region"], pacing.shared(flags["region"], clock))
    look = Look(aws)
    running = running_on(look, flags["from_alb"])
    choice = Choice(flags["listener"], flags["rule"], flags["blue"], flags["green"])
    found = adopt(running, choice)
    service = flags["service"] or slug(running.balancer.get("LoadBalancerName", "service"))
    table = journal_table(service, environment)
    known, _ = look.table(table)
    health = look.slot_of(found.target_group).get("HealthCheckPath") or "/"
    account = running.balancer["LoadBalancerArn"].split(":")[4]
    place = {"region": aws.elbv2.meta.region_name, "account": account}
    text = written((service, environment), place, found, health, table if known else "")
    unknown = (*found.unknown, *(() if known else ("the journal's table: there is none yet",)))
    return Made(environment, text, unknown, clock.now(), "deployer verify")


def running_on(look: Look, name: str) -> Running:
    """The load balancer and everything around it.

    Raises:
        NotFound: there is no such Application Load Balancer. AccessProblem: nobody may look.
    """
    which: Any = {"LoadBalancerArns": [name]} if name.startswith("arn:") else {"Names": [name]}
    with asking("elasticloadbalancing:DescribeLoadBalancers", name):
        balancer = look.aws.elbv2.describe_load_balancers(**which)["LoadBalancers"][0]
    if balancer.get("Type") != "application":
        raise NotFound(f"{name} is a {balancer.get('Type')} load balancer: only ALBs have weights")
    listeners = look.listeners(balancer["LoadBalancerArn"])
    rules = {arn: look.rules(arn) for arn in listeners}
    arns = [r["RuleArn"] for each in rules.values() for r in each if not r.get("IsDefault")]
    tagged = look.tags(arns)
    groups = look.groups()
    if look.unread:
        raise AccessProblem(next(iter(look.unread.values())))
    ours = frozenset(arn for arn, tags in tagged.items() if SERVICE_TAG in tags)
    return Running(balancer, listeners, rules, groups, ours)


def slug(name: str) -> str:
    """A name for the service, as settings allow it.

    Raises:
        UsageError: nothing of it is left.
    """
    made = "".join(c for c in name.lower().replace("_", "-") if c in SLUG).lstrip("-0123456789")
    if not made:
        raise UsageError(f"{name} makes no name for a service: give one with --service")
    return made[:32]


def written(
    names: tuple[str, str], place: Mapping[str, str], found: Adopted, health: str, table: str
) -> str:
    """The file; `names`: of service and environment."""
    service, environment = names
    rows = {**found.values, "journal_table": table, "artifact_bucket": ""}
    existing = "\n".join(f"{key} = {json.dumps(value)}" for key, value in rows.items())
    spots = "\n".join(f"{key} = {json.dumps(value)}" for key, value in place.items())
    return (
        "# Written by `deployer init --from-alb`. deployer.example.toml explains every setting,\n"
        "# docs/adoption.md the way from here; `deployer verify` says what is missing.\n\n"
        f"[service]\nname = {json.dumps(service)}\n"
        f"health_path = {json.dumps(health)}\n\n"
        "# Where releases lie: name your bucket, or leave {bucket} and fill in artifact_bucket below.\n"
        '[release]\nartifact = "s3://{bucket}/{service}/{release}.tar.gz"\n\n'
        f"[environments.{section(environment)}]\n{spots}\n"
        f"instances = {found.instances}\nmax_instances = {found.max_instances}\n\n"
        f"[environments.{section(environment)}.existing]\n{existing}\n"
    )
