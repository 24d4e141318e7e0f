"""Who asks, and which condition keys that brings along. Pure.

Source: IAM User Guide, "AWS JSON policy elements: Principal" and "AWS global condition context
keys". `aws:SecureTransport` is true: the lab speaks plain HTTP only because it stands for HTTPS.
"""

from deployer.lab.iam.asked import Ask, Values
from deployer.lab.iam.decide import Principal
from deployer.lab.iam.mapping import Facts
from deployer.lab.iam.sessions import ADMIN, Session


def of(session: Session | None, account: str) -> Principal:
    """A role's session, or the lab's administrator."""
    if session is None:
        arn = f"arn:aws:iam::{account}:user/{ADMIN}"
        return Principal(arn, arn, _names(account, arn))
    role = f"arn:aws:iam::{account}:role/{session.role}"
    return Principal(session.arn, role, _names(account, role, session.arn))


def service(name: str) -> Principal:
    """AWS itself: `ec2.amazonaws.com`, which runs instances under their role."""
    return Principal(name, name, frozenset({("Service", name)}))


def _names(account: str, *arns: str) -> frozenset[tuple[str, str]]:
    return frozenset(("AWS", each) for each in (account, f"arn:aws:iam::{account}:root", *arns))


def keys(ask: Ask, who: Principal, facts: Facts) -> dict[str, Values]:
    """The keys that every request has, and those of this one."""
    parts = ask.resource.split(":")
    owner = parts[4] if len(parts) > 4 and parts[4] else facts.account  # S3's ARNs name none
    return {
        "aws:principalaccount": (facts.account,),
        "aws:principalarn": (who.principal_arn,),
        "aws:requestedregion": (facts.region,),
        "aws:resourceaccount": (owner,),
        "aws:securetransport": ("true",),
        "s3:resourceaccount": (owner,),
        **ask.keys,
    }
