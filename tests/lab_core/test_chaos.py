"""Faults that strike: which calls they hit, and what becomes of the process that called."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError, HTTPClientError

from deployer.lab import actions, callers, server
from deployer.lab.chaos import Fault, Faults, Kind, decode
from deployer.lab.context import Context
from tests.lab_core.test_actions import outside, refusal

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1
   3: 0100007F:D431 01FF577F:1F91 01 00000000:00000000 00:00000000 00000000  1000        0 4713 1
   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1
   2: 0100007F:D432 0100007F:1F90 06 00000000:00000000 00:00000000 00000000  1000        0 0 1
"""
# A caller without boto3, so that it starts quickly: makes a topic, then says so.
CALLER = """
import sys, urllib.request
scope = "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/sns/aws4_request"
body = b"Action=CreateTopic&Version=2010-03-31&Name=" + sys.argv[2].encode()
urllib.request.urlopen(urllib.request.Request(sys.argv[1], body, {"Authorization": scope}))
print("done")
"""


@pytest.fixture
def faults(served: server.Server) -> Iterator[Faults]:
    yield actions.faults()
    actions.faults().clear()


def start(context: Context, topic: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CALLER, context.endpoint, topic]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def topics(context: Context) -> list[str]:
    with outside(context, "sns") as sns:
        return [row["TopicArn"].rsplit(":", 1)[1] for row in sns.list_topics()["Topics"]]


def test_a_rule_waits_strikes_as_often_as_asked_and_is_gone() -> None:
    faults = Faults()
    faults.add(Fault(Kind.ERROR, "elbv2, ec2", "Modify*,Create*", times=2, skip=1))
    calls = [("ec2", "ModifyX"), ("s3", "ModifyX"), ("elbv2", "CreateX"), ("ec2", "DescribeX")]
    hit = [faults.draw(*call) is not None for call in (*calls, *calls)]
    assert hit == [False, False, True, False, True, False, False, False]
    assert faults.rules() == ()


def test_a_share_of_calls_is_hit_and_the_same_again() -> None:
    def drawn() -> list[bool]:
        faults = Faults()
        faults.add(Fault(Kind.ERROR, share=0.2))
        return [faults.draw("ec2", "X") is not None for _ in range(1000)]

    assert 150 < sum(drawn()) < 250
    assert drawn() == drawn()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"share": 1.5}, "between 0 and 1"),
        ({"times": 0}, "times is 1 or more"),
        ({"skip": -1}, "0 or more"),
        ({"latency_s": -1.0}, "0 or more"),
        ({"times": "often"}, "Expected `int"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode(json.dumps({"kind": "error", **change}).encode())


@pytest.mark.parametrize(
    ("kind", "call", "told"),
    [
        (Kind.THROTTLE, "ec2.describe_vpcs", ("RequestLimitExceeded", 503)),
        (Kind.THROTTLE, "elbv2.describe_load_balancers", ("Throttling", 400)),
        (Kind.THROTTLE, "dynamodb.list_tables", ("ThrottlingException", 400)),
        (Kind.EXPIRED, "ec2.describe_vpcs", ("RequestExpired", 400)),
        (Kind.EXPIRED, "autoscaling.describe_auto_scaling_groups", ("ExpiredToken", 403)),
        (Kind.EXPIRED, "dynamodb.list_tables", ("ExpiredTokenException", 400)),
        (Kind.EXPIRED, "s3.list_buckets", ("ExpiredToken", 400)),
    ],
)
def test_each_service_refuses_in_its_own_words(
    context: Context, faults: Faults, kind: Kind, call: str, told: tuple[str, int]
) -> None:
    service, method = call.split(".")
    faults.add(Fault(kind, service, times=1))
    with outside(context, service) as client, pytest.raises(ClientError) as error:
        getattr(client, method)()
    assert refusal(error) == told


def test_an_answer_to_head_has_no_words(context: Context, faults: Faults) -> None:
    faults.add(Fault(Kind.EXPIRED, "s3", times=1))
    with outside(context, "s3") as s3, pytest.raises(ClientError) as error:
        s3.head_object(Bucket="b", Key="k")
    assert refusal(error) == ("400", 400)


def test_a_connection_breaks_before_the_call_took_effect(context: Context, faults: Faults) -> None:
    faults.add(Fault(Kind.UNHEARD, "sns", "CreateTopic", times=1))
    with outside(context, "sns") as sns, pytest.raises(HTTPClientError):
        sns.create_topic(Name="t")
    assert topics(context) == []


@pytest.mark.parametrize(
    ("kind", "made", "outcome"),
    [(Kind.KILL, [], "not received"), (Kind.KILL_AFTER, ["t"], "ok")],
)
def test_the_caller_is_killed_before_or_after_its_call_took_effect(
    context: Context, faults: Faults, kind: Kind, made: list[str], outcome: str
) -> None:
    faults.add(Fault(kind, "sns", "CreateTopic", times=1))
    process = start(context, "t")
    said, _ = process.communicate(timeout=10)
    assert (process.returncode, said) == (-signal.SIGKILL, "")
    (entry,) = actions.calls("sns", "CreateTopic")
    assert (entry.outcome, entry.fault) == (outcome, kind.value)
    assert topics(context) == made
    start(context, "again").communicate(timeout=10)  # the next one is left alone
    assert topics(context) == [*made, "again"]


def test_every_kind_is_documented_with_a_test_that_exists() -> None:
    page = (Path(__file__).parents[2] / "docs/lab/chaos.md").read_text(encoding="utf-8")
    assert all(f"| `{kind}` |" in page for kind in Kind)
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_the_caller_is_stopped_and_goes_on_when_it_is_let(context: Context, faults: Faults) -> None:
    faults.add(Fault(Kind.STOP, "sns", "CreateTopic", times=1))
    process = start(context, "t")
    deadline = time.monotonic() + 10
    while state(process.pid) != "T":
        assert time.monotonic() < deadline
    assert topics(context) == ["t"]
    assert process.poll() is None
    os.kill(process.pid, signal.SIGCONT)
    assert process.communicate(timeout=10) == ("done\n", "")


def state(pid: int) -> str:
    """One letter, as in ps: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_the_lab_does_not_strike_itself(context: Context, faults: Faults) -> None:
    """This process is the lab's and the caller's."""
    faults.add(Fault(Kind.KILL, "sns", "CreateTopic", times=1))
    with outside(context, "sns") as sns, pytest.raises(ClientError) as error:
        sns.create_topic(Name="t")
    assert "no process on this machine is behind 127.0.0.1:" in str(error.value)


def test_a_connection_is_found_in_the_table_of_the_kernel() -> None:
    assert callers.inode_of(TABLE, "127.0.0.1", 0xD431, 0x1F90) == "4712"
    assert callers.inode_of(TABLE, "127.0.0.1", 0xD432, 0x1F90) is None  # nobody's any more
    assert callers.inode_of(TABLE, "127.0.0.2", 0xD431, 0x1F90) is None
    # One port, two connections: a client of the load balancer has it too.
    assert callers.inode_of(TABLE, "127.0.0.1", 0xD431, 0x1F91) == "4713"


def test_its_holder_is_found_by_the_whole_number() -> None:
    candidates = [(1, ["/dev/null", "socket:[47123]"]), (2, ["pipe:[4712]", "socket:[4712]"])]
    assert callers.holder("4712", candidates) == 2
    assert callers.holder("9", candidates) is None


def test_a_deed_is_done_over_http_or_says_why_not(context: Context) -> None:
    def double(asked: Any) -> Any:
        if not isinstance(asked, int):
            raise LookupError("a number is wanted")  # noqa: TRY004  what deeds raise
        return asked * 2

    with closing(server.serve(context, {}, {"double": double})) as running:
        url = f"{running.endpoint}/_lab/double"
        answers = [urllib3.request("POST", url, body=body) for body in ("21", '"x"', "{")]
        missing = urllib3.request("GET", url)
    assert [answer.status for answer in answers] == [200, 400, 400]
    assert answers[0].json() == 42
    assert answers[1].json() == {"error": "a number is wanted"}
    assert missing.status == 404
