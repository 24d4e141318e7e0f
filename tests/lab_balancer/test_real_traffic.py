"""Real requests through real weights, rules and cookies (aws-facts 1.1, 1.3, 1.6)."""

import threading
from collections import Counter

import pytest

from deployer.aws.alb import ProductionRule
from deployer.aws.session import Aws
from deployer.changes import SetWeights
from deployer.model import Slot, Weights
from tests.lab_balancer.rig import ANY_PATH, Rig, fixed, forward, until
from tests.lab_balancer.targets import Client

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def pair(rig: Rig) -> tuple[str, str]:
    """Two groups of two healthy targets each, kept referenced by a listener of their own."""
    blue, green = rig.group(*rig.ids[:2]), rig.group(*rig.ids[2:])
    _arn, port = rig.listener([forward((blue, 1), (green, 1))])
    rig.until_healthy(blue, green)
    rig.until_serving(port)
    return blue, green


def sides(rig: Rig, counted: Counter[str]) -> tuple[int, int]:
    """How many requests the first two instances answered, and the last two."""
    blue = sum(counted[each] for each in rig.ids[:2])
    green = sum(counted[each] for each in rig.ids[2:])
    assert blue + green == counted.total(), counted
    return blue, green


@pytest.mark.parametrize("share", [0, 10, 50, 100])
def test_requests_follow_the_weights_on_one_keep_alive_connection(
    rig: Rig, pair: tuple[str, str], share: int
) -> None:
    weights = {0: (999, 0), 10: (90, 10), 50: (1, 1), 100: (0, 1)}[share]
    _arn, port = rig.listener([forward((pair[0], weights[0]), (pair[1], weights[1]))])
    blue, green = sides(rig, rig.tally(port, 1000))
    if share in {0, 100}:
        assert (blue, green) == (1000 - 10 * share, 10 * share)
    else:  # five standard deviations of a binomial
        assert abs(green - 10 * share) < 5 * (1000 * share / 100 * (1 - share / 100)) ** 0.5


def test_a_thousandth_of_the_traffic_is_the_finest_share_and_arrives(
    rig: Rig, pair: tuple[str, str]
) -> None:
    """Eight expected: none at all, or more than thirty, happens once in three thousand runs."""
    _arn, port = rig.listener([forward((pair[0], 999), (pair[1], 1))])
    _blue, green = sides(rig, rig.tally(port, 8000))
    assert 0 < green < 30


def test_a_changed_weight_moves_the_next_request_of_an_open_connection(
    rig: Rig, pair: tuple[str, str]
) -> None:
    listener, port = rig.listener()
    rule = rig.rule(listener, 49_000, [ANY_PATH], forward((pair[0], 1), (pair[1], 0)))

    def shift(client: Client, weights: tuple[int, int], side: list[str]) -> None:
        share = forward((pair[0], weights[0]), (pair[1], weights[1]))
        rig.elb.modify_rule(RuleArn=rule, Actions=[share])
        until(lambda: client.get().name in side, "the new weight")
        assert {client.get().name for _ in range(20)} <= set(side)

    with Client(rig.address, port) as client:
        until(lambda: client.get().name in rig.ids[:2], "the rule")
        for _ in range(5):
            shift(client, (0, 1), rig.ids[2:])
            shift(client, (1, 0), rig.ids[:2])


def test_rules_are_tried_in_order_of_priority_then_the_default_action(
    rig: Rig, pair: tuple[str, str]
) -> None:
    listener, port = rig.listener([fixed(404, "default")])
    rig.rule(listener, 20, [ANY_PATH], fixed(200, "twenty"))
    header = {"HttpHeaderName": "X-Deployer-Slot", "Values": ["green"]}
    rig.rule(
        listener,
        10,
        [{"Field": "http-header", "HttpHeaderConfig": header}],
        forward((pair[1], 1)),
    )
    until(lambda: rig.ask(port, x_deployer_SLOT="GREEN").name in rig.ids[2:], "the rules")
    assert rig.ask(port).body == "twenty"
    assert rig.ask(port, x_deployer_slot="greenish").body == "twenty"


def test_priorities_may_be_swapped_and_deleted_rules_are_gone(rig: Rig) -> None:
    listener, port = rig.listener([fixed(404, "default")])
    first = rig.rule(listener, 1, [ANY_PATH], fixed(200, "first"))
    second = rig.rule(listener, 2, [ANY_PATH], fixed(200, "second"))
    rig.elb.set_rule_priorities(
        RulePriorities=[{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]
    )
    until(lambda: rig.ask(port).body == "second", "swapped priorities")
    rig.elb.delete_rule(RuleArn=second)
    until(lambda: rig.ask(port).body == "first", "the rule deleted")
    rig.elb.delete_rule(RuleArn=first)
    until(lambda: rig.ask(port).body == "default", "both rules deleted")


def test_every_kind_of_condition_decides(rig: Rig) -> None:
    listener, port = rig.listener([fixed(404, "default")])
    pair = {"Key": "Version", "Value": "b?ta"}
    conditions = {
        "path": {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/img/*.pn?", "/x"]}},
        "host": {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.Example.com"]}},
        "method": {
            "Field": "http-request-method",
            "HttpRequestMethodConfig": {"Values": ["OPTIONS"]},
        },
        "query": {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}},
        "source": {"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.1/32"]}},
        "elsewhere": {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    }
    for number, (name, condition) in enumerate(conditions.items(), start=1):
        more = [{"Field": "path-pattern", "Values": ["/source"]}] if name == "source" else []
        if name == "elsewhere":
            more = [{"Field": "path-pattern", "Values": ["/elsewhere"]}]
        rig.rule(listener, number, [condition, *more], fixed(200, name))
    until(lambda: rig.ask(port, "/source").body == "source", "the rules")
    assert rig.ask(port, "/img/a/b.png").body == "path"
    assert rig.ask(port, "/img/a.png?x=1").body == "path"
    assert rig.ask(port, "/IMG/a.png").body == "default"  # paths mind case
    assert rig.ask(port, Host="www.EXAMPLE.com:80").body == "host"
    assert rig.ask(port, Host="example.com").body == "default"
    assert rig.ask(port, "/", "OPTIONS").body == "method"
    assert rig.ask(port, "/?a=1&VERSION=BETA").body == "query"
    assert rig.ask(port, "/?version=bta").body == "default"
    assert rig.ask(port, "/source").body == "source"
    assert rig.ask(port, "/elsewhere", X_Forwarded_For="10.1.1.1").body == "default"
    assert rig.ask(port, "/elsewhere", x_lab_source_ip="10.1.1.1").body == "default"


def test_redirects_keep_what_they_do_not_change(rig: Rig) -> None:
    config = {"Path": "/new/#{path}", "Host": "other.test", "StatusCode": "HTTP_301"}
    _arn, port = rig.listener([{"Type": "redirect", "RedirectConfig": config}])
    reply = rig.ask(port, "/a/b?c=d")
    assert reply.status == 301
    assert dict(reply.headers)["location"].startswith("http://other.test")
    assert dict(reply.headers)["location"].endswith("/new/a/b?c=d")


def test_a_fixed_response_is_answered_as_written(rig: Rig) -> None:
    _arn, port = rig.listener([fixed(503, "100 % closed")])
    reply = rig.ask(port)
    assert (reply.status, reply.body) == (503, "100 % closed")
    assert dict(reply.headers)["content-type"] == "text/plain"
    assert dict(reply.headers)["server"] == "awselb/2.0"


def test_targets_see_the_client_in_forwarded_headers_only(rig: Rig, pair: tuple[str, str]) -> None:
    _arn, port = rig.listener([forward((pair[0], 1))])
    told = rig.ask(port, X_Forwarded_For="192.0.2.1").told
    headers = {key.lower(): value for key, value in told["headers"]}
    assert headers["x-forwarded-for"].replace(" ", "") == "192.0.2.1,127.0.0.1"
    assert headers["x-forwarded-port"] == str(port)
    assert headers["x-forwarded-proto"] == "http"
    assert headers["host"] == f"{rig.address}:{port}"
    assert not [key for key in headers if "envoy" in key or "lab" in key]


def test_group_stickiness_holds_a_client_to_its_group_even_at_weight_0(
    rig: Rig, pair: tuple[str, str]
) -> None:
    listener, port = rig.listener([forward((pair[0], 1), (pair[1], 1), sticky_s=1000)])
    switched = 0
    cookies = []
    for _ in range(20):
        first = rig.ask(port)
        cookie = first.cookie("AWSALBTG")
        cookies.append(cookie)
        side = rig.ids[:2] if first.name in rig.ids[:2] else rig.ids[2:]
        for _ in range(5):
            reply = rig.ask(port, Cookie=f"a=b; {cookie}; c=d")
            switched += reply.name not in side
            assert reply.cookie("AWSALBTG") == cookie  # its time starts anew
    assert switched == 0
    assert len(set(cookies)) == 2
    only_blue = forward((pair[0], 1), (pair[1], 0), sticky_s=1000)
    rig.elb.modify_listener(ListenerArn=listener, DefaultActions=[only_blue])
    until(lambda: rig.tally(port, 20).keys() <= set(rig.ids[:2]), "weight 0")
    for cookie in set(cookies):
        stays = rig.ids[:2] if pair[0].rsplit("/", 1)[-1] in cookie else rig.ids[2:]
        assert rig.tally(port, 20, Cookie=cookie).keys() <= set(stays)


def test_the_deployers_change_takes_every_client_off_the_slot_at_once_cookies_or_not(
    rig: Rig, pair: tuple[str, str]
) -> None:
    """At half of the traffic clients stay with what they got; on the way back all of them leave."""
    listener, port = rig.listener()
    rig.rule(listener, 49_000, [ANY_PATH], forward((pair[0], 1), (pair[1], 1), sticky_s=1000))
    aws = Aws("us-east-1")
    aws.__dict__["elbv2"] = rig.elb  # the in-process one
    rule = ProductionRule(aws, listener, {Slot.BLUE: pair[0], Slot.GREEN: pair[1]}, {})
    until(lambda: rig.ask(port).status == 200, "the rule")
    clients = [rig.ask(port) for _ in range(30)]
    cookies = {each.cookie("AWSALBTG") for each in clients}
    assert len(cookies) == 2
    half = Weights(500, 500)
    assert rule.read() == (half, 1000)
    lost, stay, bad = Counter[str](), threading.Event(), set(rig.ids[2:])

    def keep_asking(cookie: str, served: list[str]) -> None:
        with Client(rig.address, port) as client:
            while not stay.is_set():
                reply = client.get(Cookie=cookie)
                served.append(reply.name)
                lost[str(reply.status)] += reply.status != 200

    served: dict[str, list[str]] = {cookie: [] for cookie in cookies}
    askers = [
        threading.Thread(target=keep_asking, args=(cookie, names))
        for cookie, names in served.items()
    ]
    for asker in askers:
        asker.start()
    until(lambda: min(map(len, served.values())) > 100, "requests with cookies")
    for names in served.values():  # nobody has left the slot that he got
        assert len({name in bad for name in names}) == 1
    rule.change(SetWeights(Weights(1000, 0), half, 1000))
    until(lambda: all(bad.isdisjoint(names[-50:]) for names in served.values()), "all have left")
    stay.set()
    for asker in askers:
        asker.join(10)
    assert lost.total() == 0
    assert rule.read() == (Weights(1000, 0), None)


def test_target_stickiness_holds_a_client_to_its_target_until_it_is_deregistered(
    rig: Rig,
) -> None:
    group = rig.group(*rig.ids[:3], stickiness__enabled="true")
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.until_serving(port)
    seen = set()
    for _ in range(12):
        first = rig.ask(port)
        cookie = first.cookie("AWSALB")
        seen.add(first.name)
        assert rig.tally(port, 5, Cookie=cookie) == {first.name: 5}
    assert seen == set(rig.ids[:3])
    rig.deregister(group, first.name)
    until(lambda: rig.ask(port, Cookie=cookie).name != first.name, "the target gone")
    moved = rig.ask(port, Cookie=cookie)
    assert moved.name in set(rig.ids[:3]) - {first.name}
    assert moved.cookie("AWSALB") not in {"", cookie}


def test_requests_in_flight_finish_when_their_group_gets_weight_0(
    rig: Rig, pair: tuple[str, str]
) -> None:
    listener, port = rig.listener([forward((pair[0], 1), (pair[1], 0))])
    app_names = rig.ids[:2]
    for each in app_names:
        rig.apps[each].gate.clear()
    answers: list[str] = []
    asker = threading.Thread(target=lambda: answers.append(rig.ask(port, "/held").name))
    asker.start()
    until(lambda: sum(rig.apps[each].served["/held"] for each in app_names) == 1, "held")
    rig.elb.modify_listener(
        ListenerArn=listener, DefaultActions=[forward((pair[0], 0), (pair[1], 1))]
    )
    until(lambda: rig.ask(port).name in rig.ids[2:], "the new weight")
    assert not answers
    for each in app_names:
        rig.apps[each].gate.set()
    asker.join(10)
    assert len(answers) == 1
    assert answers[0] in app_names


def test_two_load_balancers_have_addresses_of_their_own(rig: Rig) -> None:
    arn, address = rig.load_balancer("second")
    group = rig.group(rig.ids[0])
    _listener, port = rig.listener([forward((group, 1))], load_balancer=arn)
    rig.until_healthy(group)
    rig.until_serving(port, address)
    assert address != rig.address
    assert rig.ask(port, address=address).name == rig.ids[0]
    described = rig.elb.describe_load_balancers(Names=["second"])["LoadBalancers"][0]
    assert (described["DNSName"], described["State"]["Code"]) == (address, "active")
    rig.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert rig.health(group) == {rig.ids[0]: ("unused", "Target.NotInUse")}
