"""Notices to AWS's own: a topic (SNS), an event bus (EventBridge). Each sends one, or says why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from deployer.aws.failures import changing
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import ChangeRefused
from deployer.operations.notice_document import document
from deployer.operations.notices import Notice

if TYPE_CHECKING:
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

NEEDS = (Need("sns:Publish", Resource.TOPIC),)
# Of [notify]'s own channels: granted on what the settings name.
CHANNELS_NEEDS = (
    Need("sns:Publish", Resource.TOPICS),
    Need("events:PutEvents", Resource.BUS),
)
LONGEST_SUBJECT: Final = 100  # SNS: of ASCII, without line breaks
SOURCE: Final = "deployer"  # of events on a bus
LARGEST_DETAIL: Final = 200_000  # bytes; EventBridge takes 256 KB for the whole entry
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")  # for SNS's ids of a FIFO topic


class Topic:
    """Sends notices to one topic, in words; `events` and `environment` are there for filters."""

    def __init__(self, aws: Aws, arn: str) -> None:
        self._aws, self._arn = aws, arn

    def prepare(self) -> object:
        """The client, made in the main thread."""
        return self._aws.sns_once

    def __call__(self, notice: Notice) -> None:
        """One call.

        Raises:
            CloudUnavailable, AccessProblem, ChangeRefused: as `failures.changing`.
        """
        line = subject(notice.title)
        with changing("sns:Publish", self._arn):
            if self._arn.endswith(".fifo"):
                self._aws.sns_once.publish(
                    TopicArn=self._arn, Subject=line, Message=in_words(notice),
                    MessageAttributes=_attributes(notice),
                    MessageGroupId=_UNFIT.sub("-", str(notice.place)),
                    MessageDeduplicationId=_UNFIT.sub("-", notice.id)[:128],
                )  # fmt: skip
            else:
                self._aws.sns_once.publish(
                    TopicArn=self._arn, Subject=line, Message=in_words(notice),
                    MessageAttributes=_attributes(notice),
                )  # fmt: skip


def subject(title: str) -> str:
    """As SNS takes it: a reason that somebody gave may have several lines."""
    plain = _CONTROL.sub(" ", title).encode("ascii", "replace").decode()
    return plain[:LONGEST_SUBJECT].strip()


def _attributes(notice: Notice) -> Mapping[str, MessageAttributeValueTypeDef]:
    where = notice.place.environment  # a fleet has none, and SNS takes no empty value
    kinds = msgspec.json.encode([str(kind) for kind in notice.kinds]).decode()
    return {
        "id": {"DataType": "String", "StringValue": notice.id},
        "kinds": {"DataType": "String.Array", "StringValue": kinds},
        "service": {"DataType": "String", "StringValue": notice.place.service},
        **({"environment": {"DataType": "String", "StringValue": where}} if where else {}),
    }


def in_words(notice: Notice) -> str:
    """For a mail: what happened, what to type, where to look."""
    width = max((len(one.does) for one in notice.commands), default=0) + 2
    typed = "".join(f"{one.does + ':':<{width}} {one.line}\n" for one in notice.commands)
    report = f"\nReport: {notice.report}\n" if notice.report else ""
    return f"{notice.words}\n\n{typed}{report}"


class Bus:
    """Sends notices to one event bus: source `deployer`, the notice's document as detail."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws, self._name = aws, name

    def prepare(self) -> object:
        """The client, made in the main thread."""
        return self._aws.events

    def __call__(self, notice: Notice) -> None:
        """One call.

        Raises:
            CloudUnavailable, AccessProblem, ChangeRefused: as `failures.changing`; the entry was not taken.
        """
        with changing("events:PutEvents", self._name):
            answer = self._aws.events.put_events(
                Entries=[
                    {
                        "Source": SOURCE, "DetailType": detail_type(notice),
                        "Detail": _detail(notice), "EventBusName": self._name,
                        "Resources": [],
                    }
                ]
            )  # fmt: skip
        if answer["FailedEntryCount"]:
            (entry,) = answer["Entries"]
            raise ChangeRefused(
                f"events:PutEvents: {self._name} did not take it: {entry.get('ErrorCode', 'no reason')}"
            )


def detail_type(notice: Notice) -> str:
    """What rules match on: `Deployment halt` or `Fleet halt`, by the most telling of its kinds."""
    return f"{'Fleet' if notice.fleet else 'Deployment'} {notice.kinds[0]}"


def _detail(notice: Notice) -> str:
    """The document; without its numbers where it would not fit."""
    whole = msgspec.json.encode(document(notice))
    if len(whole) > LARGEST_DETAIL:
        whole = msgspec.json.encode({**document(notice), "detail": {}})
    return whole.decode()
