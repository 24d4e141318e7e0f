"""Nobody needs an environment: the scheduled function notices, tells, waits, and puts it to sleep.

The function runs in the lab as in Lambda, under its own role, called by real schedules on the virtual
clock; people are a queue that has subscribed to the topic.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from deployer.topology import CLASS_TAG

from .conftest import Shell, as_sample, lab_up, service_in, shell_for
from .live import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SETTINGS = """
[environments.lab.teardown]
ephemeral = true
requests = 2
window = "1m"
windows = 2
grace = "0s"
notice = "5m"
office_hours = ""
[environments.lab.canary]
weights = [50]
bake = "1s"
final_bake = "1s"
linger = "1m"
[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "1s"
max_time = "3m"
[sweep]
every = "5m"
dry_runs = 1
"""

ROOT_USER = "arn:aws:iam::123456789012:root"


@dataclass
class Place:
    """The lab, what people have been told, and where users go."""

    site: Site
    url: str
    queue: str

    @property
    def owner(self) -> Shell:
        """May look at all environments; the deployer's role knows its own."""
        keys = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_SESSION_TOKEN": ""}
        return Shell({**self.site.shell.variables, **keys})

    def told(self) -> list[str]:
        """Subjects and texts that have arrived since the last look."""
        found = (
            self.site.client("sqs")
            .receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            .get("Messages", [])
        )
        bodies = [json.loads(one["Body"]) for one in found]
        for one in found:
            self.site.client("sqs").delete_message(
                QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"]
            )
        return [f"{body['Subject']}\n{body['Message']}" for body in bodies]

    def hear(self, words: str, patience_s: float = 120.0) -> str:
        """Wait until somebody is told this; whatever is told before that is read over."""
        heard: list[str] = []
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            for text in self.told():
                heard.append(text)
                if words in text:
                    return text
            time.sleep(0.2)
        raise AssertionError(f"nobody was told {words!r}, but: {heard}\n{self.log()}")

    def log(self) -> list[str]:
        """What the function wrote."""
        events = self.site.client("logs").filter_log_events(
            logGroupName="/deployer/shop/us-east-1/teardown"
        )["events"]
        return [event["message"] for event in events][-30:]

    def judged(self) -> list[dict[str, Any]]:
        """Every line about the environment, oldest first."""
        events = self.site.client("logs").filter_log_events(
            logGroupName="/deployer/shop/us-east-1/teardown"
        )["events"]
        lines = [event["message"] for event in events if event["message"].startswith("{")]
        return [line for line in map(json.loads, lines) if line.get("environment") == "lab"]

    def sizes(self) -> dict[str, int]:
        return {name: self.site.slot(name)["desired"] for name in ("blue", "green")}


@contextmanager
def users(url: str) -> Iterator[list[int]]:
    """Up to fifty requests a second, one after the other; their statuses."""
    over, seen = Event(), list[int]()

    def come() -> None:
        while not over.wait(0.02):
            try:
                with urlopen(url, timeout=5) as answer:  # noqa: S310  the lab's own http
                    seen.append(answer.status)
            except HTTPError as error:
                seen.append(error.code)

    thread = Thread(target=come, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(timeout=10)


def until(holds: Callable[[], bool], what: str, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("service")
    config = service_in(folder, as_sample(SETTINGS))
    shell = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(shell, "--scale", "40"):
        inside = Shell({**shell.variables, **shell.json("lab", "env")})
        assert inside.run("lab", "release", "v1").returncode == 0
        done = inside.run("canary", "v1")
        assert done.returncode == 0, done.stderr
        site = Site(inside, folder, {})
        yield Place(site, inside.events("status")[0]["url"], subscribed(site))


def subscribed(site: Site) -> str:
    """A queue that hears the sweeps' topic."""
    parameter = site.client("ssm").get_parameter(Name="/deployer/shop/sweep")["Parameter"]
    sqs, topic = site.client("sqs"), json.loads(parameter["Value"])["topic"]
    queue = str(sqs.create_queue(QueueName="people")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    site.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    return queue


def test_what_nobody_needs_is_told_of_put_to_sleep_and_woken(place: Place) -> None:
    """In this order; each wait ends with what it waits for."""
    is_left_alone_while_it_is_used(place)
    is_told_of_and_put_to_sleep(place)
    is_woken_as_it_was(place)
    touches_nothing_that_is_not_ephemeral(place)


def is_left_alone_while_it_is_used(place: Place) -> None:
    with users(place.url) as seen:
        until(lambda: bool(used(place)), "a run that saw users", 120.0)
        table = place.owner.run("teardown", "--idle", "--dry-run")
        assert table.returncode == 0, table.stderr
        assert "in use" in table.stdout
    assert set(seen) == {200}
    assert place.sizes() == {"blue": 2, "green": 0}


def used(place: Place) -> list[dict[str, Any]]:
    return [line for line in place.judged() if line["why"] == "used" and line["move"] != "act"]


def is_told_of_and_put_to_sleep(place: Place) -> None:
    notice = place.hear("about to go: lab")
    assert "lab goes to sleep at" in notice
    assert "deployer --env lab extend 8h" in notice
    assert place.sizes() == {"blue": 2, "green": 0}
    done = place.hear("lab: done: asleep")
    assert done.startswith("shop: lab: done")
    assert place.sizes() == {"blue": 0, "green": 0}
    given = next(line for line in place.judged() if line["move"] == "give")
    acted = [line for line in place.judged() if line["move"] == "act"]
    assert given["why"] == "idle"
    assert acted[-1]["ending"] == "done"
    assert schedules(place) == ["every"]


def schedules(place: Place) -> list[str]:
    """Those of the teardown: its own, and what is left of one-shots."""
    found = place.site.client("scheduler").list_schedules()["Schedules"]
    shots = [one["Name"] for one in found if one["GroupName"] == "shop-teardown"]
    return [*shots, "every"]


def is_woken_as_it_was(place: Place) -> None:
    with pytest.raises(HTTPError) as asleep:
        urlopen(place.url, timeout=5)  # noqa: S310  as above
    assert asleep.value.code == 503
    assert b"deployer --env lab wake" in asleep.value.read()
    woken = place.site.shell.run("wake")
    assert woken.returncode == 0, woken.stderr
    assert place.sizes() == {"blue": 2, "green": 0}
    with urlopen(place.url, timeout=5) as answer:  # noqa: S310  as above
        assert answer.headers["X-Release"] == "v1"


def touches_nothing_that_is_not_ephemeral(place: Place) -> None:
    """Under its own role, whatever it is asked for: IAM looks at the tags of the resource."""
    role = place.site.client("lambda").list_functions()["Functions"][0]["Role"].rpartition("/")[2]
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ROOT_USER}}
    place.site.client("iam").update_assume_role_policy(  # so that the test may become it
        RoleName=role,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusting]}),
    )
    given = place.site.shell.json("lab", "env", "--role", role)
    mine = as_role(place, given)
    group = place.site.topology["slots"]["blue"]["group"]
    size = {"AutoScalingGroupName": group, "DesiredCapacity": 2}
    mine("autoscaling").update_auto_scaling_group(**size)
    untag = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": CLASS_TAG}
    place.site.client("autoscaling").delete_tags(Tags=[untag])
    assert refused(lambda: mine("autoscaling").update_auto_scaling_group(**size))
    kept = {"Resources": {"Word": {"Type": "AWS::SSM::Parameter", "Properties": {
        "Type": "String", "Name": "/kept", "Value": "1"}}}}  # fmt: skip
    stacks = place.site.client("cloudformation")
    stacks.create_stack(StackName="shop-prod-service", TemplateBody=json.dumps(kept))
    stacks.get_waiter("stack_create_complete").wait(StackName="shop-prod-service")
    assert refused(lambda: mine("cloudformation").delete_stack(StackName="shop-prod-service"))
    tables = place.site.client("dynamodb")
    tables.create_table(
        TableName="shop-prod-journal", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )  # fmt: skip
    item = {"TableName": "shop-prod-journal", "Key": {"pk": {"S": "env#shop/prod"}}}
    assert refused(lambda: mine("dynamodb").delete_item(**item))
    listener = place.site.topology["listener"]
    page = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    path = {"Field": "path-pattern", "Values": ["/*"]}
    assert refused(  # on an ephemeral listener, but a rule without the tag
        lambda: mine("elbv2").create_rule(
            ListenerArn=listener, Priority=7, Conditions=[path], Actions=[page]
        )
    )


def as_role(place: Place, given: dict[str, str]) -> Callable[[str], Any]:
    def client(service: str) -> Any:
        make: Any = boto3.client
        return make(
            service, endpoint_url=place.site.endpoint, region_name="us-east-1",
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=given["AWS_SESSION_TOKEN"],
        )  # fmt: skip

    return client


def refused(call: Callable[[], object]) -> bool:
    """Whether IAM says no."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return False
