"""What AWS's own services may do: only what the other side's policy allows them.

Source: SNS Developer Guide, "Example cases for Amazon SNS access control"; IAM User Guide, "AWS global
condition context keys" (aws:SourceArn, aws:SourceAccount; SNS's default policy has AWS:SourceOwner).
"""

from dataclasses import replace

from deployer.lab.context import Context
from deployer.lab.iam import principals
from deployer.lab.iam.asked import Ask
from deployer.lab.iam.asked import Context as Keys
from deployer.lab.iam.decide import Decision, Policies, decide
from deployer.lab.iam.facts import LabFacts

CLOUDWATCH = "cloudwatch.amazonaws.com"


def may_publish(context: Context, alarm: str, topic: str) -> Decision:
    """Whether CloudWatch may publish to this topic, for this alarm (both by ARN).

    Raises:
        Unsupported: the topic's policy says something that the lab cannot evaluate.
    """
    owner = {"aws:sourceowner": (context.account,)}
    return _may(context, CLOUDWATCH, Ask("SNS:Publish", topic, owner), alarm)


def may_invoke(context: Context, service: str, source: str, function: str) -> Decision:
    """Whether a service of AWS (`events.amazonaws.com`) may invoke this function without a role.

    source: ARN of that for which it does.

    Raises:
        Unsupported: the function's policy says something that the lab cannot evaluate.
    """
    return _may(context, service, Ask("lambda:InvokeFunction", function), source)


def _may(context: Context, service: str, ask: Ask, source: str) -> Decision:
    facts, who = LabFacts(context), principals.service(service)
    told = {"aws:sourcearn": (source,), "aws:sourceaccount": (context.account,)}
    asked = replace(ask, keys={**ask.keys, **told})
    keys = Keys(principals.keys(asked, who, facts))
    made = decide(asked, keys, who, Policies(resource=facts.attached(ask.resource)))
    if made.allowed or "explicit deny" in made.why:
        return made
    why = f"because no resource-based policy allows the {ask.action} action"
    return Decision(allowed=False, why=why)
