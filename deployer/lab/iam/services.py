"""What AWS's own services may do: only what the other side's policy allows them.

Source: SNS Developer Guide, "Example cases for Amazon SNS access control"; IAM User Guide, "AWS global
condition context keys" (aws:SourceArn, aws:SourceAccount; SNS's default policy has AWS:SourceOwner).
"""

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
    facts, who = LabFacts(context), principals.service(CLOUDWATCH)
    account = (context.account,)
    source = {
        "aws:sourcearn": (alarm,),
        "aws:sourceaccount": account,
        "aws:sourceowner": account,
    }
    ask = Ask("SNS:Publish", topic, source)
    keys = Keys(principals.keys(ask, who, facts))
    made = decide(ask, keys, who, Policies(resource=facts.attached(topic)))
    if made.allowed or "explicit deny" in made.why:
        return made
    why = "because no resource-based policy allows the SNS:Publish action"
    return Decision(allowed=False, why=why)
