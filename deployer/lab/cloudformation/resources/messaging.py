"""AWS::SNS::* and AWS::SQS::*. A topic's policy is judged (`iam.services`), a queue's is only kept."""

import json
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind, nothing

# -- topic


def _create_topic(work: Work) -> None:
    attributes = {key: str(value) for key, value in work.pick(*_TOPIC).items()}
    made = work.api(
        "sns",
        "create_topic",
        Name=work.get("TopicName") or work.name(),
        Attributes=attributes or None,
        Tags=work.all_tags() or None,
    )
    work.physical_id = made["TopicArn"]
    for one in work.get("Subscription", []):
        work.api("sns", "subscribe", TopicArn=work.id, **one)


_TOPIC = ("DisplayName", "KmsMasterKeyId")


def _update_topic(work: Work) -> None:
    if work.changed("Subscription"):
        raise work.refuse("an update of Subscription")
    for name in _TOPIC:
        if work.changed(name):
            work.api(
                "sns",
                "set_topic_attributes",
                TopicArn=work.id,
                AttributeName=name,
                AttributeValue=work.get(name, ""),
            )
    if work.all_tags():
        work.api("sns", "tag_resource", ResourceArn=work.id, Tags=work.all_tags())
    if work.removed_tags():
        work.api("sns", "untag_resource", ResourceArn=work.id, TagKeys=work.removed_tags())


def _delete_topic(work: Work) -> None:
    work.api("sns", "delete_topic", TopicArn=work.id)


def _put_topic_policy(work: Work) -> None:
    for arn in work.need("Topics"):
        work.api(
            "sns",
            "set_topic_attributes",
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(work.need("PolicyDocument")),
        )
    work.physical_id = work.physical_id or work.name()


# -- subscription

# Delivered for real: to queues of the lab. Mail is not sent: the subscription stays unconfirmed, as
# on AWS until somebody clicks.
_PROTOCOLS = ("sqs", "email", "email-json")


def _create_subscription(work: Work) -> None:
    protocol = work.need("Protocol")
    if protocol not in _PROTOCOLS:
        raise work.refuse(f"the protocol {protocol}")
    made = work.api(
        "sns",
        "subscribe",
        ReturnSubscriptionArn=True,
        Attributes=_subscription_attributes(work) or None,
        **work.pick("TopicArn", "Protocol", "Endpoint"),
    )
    work.physical_id = made["SubscriptionArn"]


def _subscription_attributes(work: Work) -> dict[str, str]:
    given = work.pick("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope")
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()
    }


def _delete_subscription(work: Work) -> None:
    work.api("sns", "unsubscribe", SubscriptionArn=work.id)


# -- queue

_QUEUE = (
    "DelaySeconds KmsDataKeyReusePeriodSeconds KmsMasterKeyId MaximumMessageSize "
    "MessageRetentionPeriod ReceiveMessageWaitTimeSeconds RedrivePolicy SqsManagedSseEnabled "
    "VisibilityTimeout"
)


def _queue_attributes(work: Work) -> dict[str, str]:
    return {
        key: json.dumps(value) if isinstance(value, (dict, bool)) else str(value)
        for key, value in work.pick(*_QUEUE.split()).items()
    }


def _create_queue(work: Work) -> None:
    name = work.get("QueueName") or work.name(80)
    made = work.api(
        "sqs",
        "create_queue",
        QueueName=name,
        Attributes=_queue_attributes(work) or None,
        tags={tag["Key"]: tag["Value"] for tag in work.all_tags()} or None,
    )
    work.physical_id = made["QueueUrl"]


def _update_queue(work: Work) -> None:
    gone = [key for key in _QUEUE.split() if key in work.before and key not in work.properties]
    if gone:
        raise work.refuse(f"taking back {', '.join(gone)}")
    attributes = _queue_attributes(work)
    if attributes:
        work.api("sqs", "set_queue_attributes", QueueUrl=work.id, Attributes=attributes)
    if work.all_tags():
        tags = {tag["Key"]: tag["Value"] for tag in work.all_tags()}
        work.api("sqs", "tag_queue", QueueUrl=work.id, Tags=tags)
    if work.removed_tags():
        work.api("sqs", "untag_queue", QueueUrl=work.id, TagKeys=work.removed_tags())


def _delete_queue(work: Work) -> None:
    work.api("sqs", "delete_queue", QueueUrl=work.id)


def _read_queue(work: Work) -> dict[str, Any]:
    found = work.api("sqs", "get_queue_attributes", QueueUrl=work.id, AttributeNames=["QueueArn"])[
        "Attributes"
    ]
    name = found["QueueArn"].rsplit(":", 1)[1]
    return {"Arn": found["QueueArn"], "QueueName": name, "QueueUrl": work.id}


def _put_queue_policy(work: Work) -> None:
    policy = json.dumps(work.need("PolicyDocument"))
    for url in work.need("Queues"):
        work.api("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": policy})
    work.physical_id = work.physical_id or work.name()


KINDS: list[Kind] = [
    kind(
        "AWS::SNS::Topic",
        "DisplayName KmsMasterKeyId Subscription Tags",
        fixed="TopicName",
        create=_create_topic,
        update=_update_topic,
        delete=_delete_topic,
        read=lambda work: {"TopicArn": work.id, "TopicName": work.id.rsplit(":", 1)[1]},
    ),
    kind(
        "AWS::SNS::TopicPolicy",
        "PolicyDocument Topics",
        create=_put_topic_policy,
        update=_put_topic_policy,
        delete=nothing,
    ),
    kind(
        "AWS::SNS::Subscription",
        "",
        fixed="TopicArn Protocol Endpoint",
        frozen="RawMessageDelivery FilterPolicy FilterPolicyScope",
        create=_create_subscription,
        delete=_delete_subscription,
        read=lambda work: {"Arn": work.id},
    ),
    kind(
        "AWS::SQS::Queue",
        f"{_QUEUE} Tags",
        fixed="QueueName",
        create=_create_queue,
        update=_update_queue,
        delete=_delete_queue,
        read=_read_queue,
    ),
    kind(
        "AWS::SQS::QueuePolicy",
        "PolicyDocument Queues",
        create=_put_queue_policy,
        update=_put_queue_policy,
        delete=nothing,
    ),
]
