"""What is asked of IAM before an API call is carried out: who, which action, on what. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from deployer.lab.iam.patterns import Unsupported

Values = tuple[str, ...]
NO_RESOURCE = "*"  # an action that is authorized on no particular resource


@dataclass(frozen=True, slots=True)
class Ask:
    """One authorization that a call needs.

    action:   as IAM spells it: `elasticloadbalancing:ModifyRule`.
    resource: an ARN, or `*`.
    keys:     condition keys of this call, in lower case, with their values.
    """

    action: str
    resource: str = NO_RESOURCE
    keys: Mapping[str, Values] = field(default_factory=dict)


# Keys that a call may lack: their absence is a fact, not something the lab does not know.
MAY_BE_ABSENT = (
    "aws:requesttag/*",
    "aws:resourcetag/*",
    "aws:tagkeys",
    "aws:principaltag/*",
    "autoscaling:resourcetag/*",
    "cloudwatch:namespace",
    "ec2:resourcetag/*",
    "elasticloadbalancing:createaction",
    "elasticloadbalancing:resourcetag/*",
    "iam:passedtoservice",
    "s3:delimiter",
    "s3:prefix",
    "sts:externalid",
    "sts:rolesessionname",
)


@dataclass(frozen=True, slots=True)
class Context:
    """Every condition key that holds while one `Ask` is decided."""

    keys: Mapping[str, Values]

    def values(self, key: str) -> Values | None:
        """The key's values; None: this call has none.

        Raises:
            Unsupported: the lab does not know what AWS would put there.
        """
        name = key.lower()
        if name in self.keys:
            return self.keys[name]
        if any(fnmatchcase(name, known) for known in MAY_BE_ABSENT):
            return None
        raise Unsupported(f"condition key {key}")

    def variable(self, name: str) -> str | None:
        """The value of a policy variable: only of a key with a single value."""
        values = self.values(name)
        return values[0] if values is not None and len(values) == 1 else None
