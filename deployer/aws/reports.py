"""Reports to the environment's topic, and what was reported last: an item of the journal's table.

`reported` beside the environment's records (deployer.aws.records): `mark` names the last reports, a line
each, `at` when the newest was made.
"""

from deployer.aws.failures import changing
from deployer.aws.needs import Need, Resource
from deployer.aws.records import number
from deployer.aws.session import Aws
from deployer.aws.table import Table, key
from deployer.ports import Clock

NEEDS = (Need("sns:Publish", Resource.TOPIC),)
REPORTED = "reported"
LONGEST_SUBJECT = 100  # SNS: of ASCII, without line breaks


class TopicReports:
    """Implements `reporting.Reports` for one environment.

    topic: its ARN.
    table: the journal's.
    part:  the environment's partition in it (`records.partition`).
    """

    def __init__(self, aws: Aws, topic: str, table: str, part: str, clock: Clock) -> None:
        self._aws, self._topic, self._clock = aws, topic, clock
        self._table = Table(aws, table, clock)
        self._part = part

    def last(self) -> str:
        """The marks of what was reported last. One call."""
        found = self._table.get(self._part, REPORTED)
        return "" if found is None else found["mark"]["S"]

    def publish(self, subject: str, words: str) -> None:
        """Tell the topic. One call.

        Raises:
            CloudUnavailable, AccessProblem, NotFound: as `failures.changing`.
        """
        line = subject.encode("ascii", "replace").decode()[:LONGEST_SUBJECT]
        with changing("sns:Publish", self._topic):
            self._aws.sns.publish(TopicArn=self._topic, Subject=line, Message=words)

    def remember(self, marks: str, before: str) -> None:
        """Not to be told again; whoever was faster has told it too. One call."""
        self._table.update(
            self._table.change(
                key(self._part, REPORTED),
                {"mark": {"S": marks}, "at": number(self._clock.now())},
                "attribute_not_exists(pk) OR #mark = :before",
                {":before": {"S": before}},
            )
        )
