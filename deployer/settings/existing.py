"""[environments.NAME.existing]: a load balancer and groups that the stacks did not make.

With this section an environment gets no stacks of the deployer's, and needs nothing that only they
read (zones, image). `deployer init --from-alb` writes it, docs/adoption.md explains it, and
`deployer verify` says what is missing.
"""

from typing import Annotated

from msgspec import Meta, Struct

from deployer.topology import ARTIFACT_TAG, PRODUCTION_RULE_PRIORITY, RELEASE_TAG

_ARN = r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:"
Listener = Annotated[
    str,
    Meta(
        pattern=rf"^{_ARN}listener/app/[^/]+/[^/]+/[^/]+$",
        description="the ARN of an Application Load Balancer's listener",
    ),
]
ListenerOrNone = Annotated[
    str,
    Meta(
        pattern=rf"^({_ARN}listener/app/[^/]+/[^/]+/[^/]+)?$",
        description='the ARN of a listener, or "" for the production listener',
    ),
]
RuleOrNone = Annotated[
    str,
    Meta(
        pattern=rf"^({_ARN}listener-rule/app/[^/]+/[^/]+/[^/]+/[^/]+)?$",
        description='the ARN of a listener\'s rule, or "" for its default action',
    ),
]
Priority = Annotated[int, Meta(ge=2, le=50_000, description="a priority from 2 to 50000")]
Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?$",
        description="a URL without a path, such as http://shop.example.com",
    ),
]
UrlOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[A-Za-z0-9.-]+(:\d{1,5})?)?$",
        description='a URL without a path, or "" for that of production',
    ),
]
TargetGroup = Annotated[
    str,
    Meta(pattern=rf"^{_ARN}targetgroup/[^/]+/[^/]+$", description="the ARN of a target group"),
]
TargetGroupOrNone = Annotated[
    str,
    Meta(
        pattern=rf"^({_ARN}targetgroup/[^/]+/[^/]+)?$",
        description='the ARN of a target group, or "" as long as there is none',
    ),
]
Group = Annotated[
    str,
    Meta(min_length=1, max_length=255, description="the name of an Auto Scaling group"),
]
GroupOrNone = Annotated[
    str,
    Meta(
        max_length=255,
        description='the name of an Auto Scaling group, or "" as long as there is none',
    ),
]
TemplateOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(lt-[0-9a-f]{8,17})?$",
        description='the id of a launch template such as lt-0abcdef1234567890, or "" as long as '
        "there is none",
    ),
]
TableName = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_.-]{3,255})?$",
        description='the name of a DynamoDB table, or "" as long as there is none',
    ),
]
BucketOrNone = Annotated[
    str,
    Meta(
        pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$",
        description='the name of a bucket, or "" for none',
    ),
]
TagKey = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9+\-=.,_:@]{1,128}$",
        description="the key of a tag: letters, digits and +-=.,_:@ (instance metadata tells no others)",
    ),
]


class ExistingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `init` may leave empty, `verify` tells how to get: no deployment begins before.

    listener:      production traffic arrives there.
    rule:          leads it to the service today; the deployer's own rule goes in front of it.
    rule_priority: of the deployer's own rule; a user group's gets the one before.
    test_listener: has the two rules by which a smoke request reaches one slot.
    release_tag, artifact_tag: instance tags that the owner's boot script reads.
    """

    listener: Listener
    rule: RuleOrNone = ""
    rule_priority: Priority = PRODUCTION_RULE_PRIORITY
    url: Url
    test_listener: ListenerOrNone = ""
    test_url: UrlOrNone = ""
    blue_target_group: TargetGroup
    blue_group: Group
    blue_launch_template: TemplateOrNone = ""
    green_target_group: TargetGroupOrNone = ""
    green_group: GroupOrNone = ""
    green_launch_template: TemplateOrNone = ""
    journal_table: TableName = ""
    artifact_bucket: BucketOrNone = ""
    release_tag: TagKey = RELEASE_TAG
    artifact_tag: TagKey = ARTIFACT_TAG
