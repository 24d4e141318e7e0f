"""A machine so busy that Envoy gets no processor for a while: what the API has said holds all the same."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from deployer.lab.balancer.model import dimension
from tests.lab_balancer.rig import DELAY_S, SCALE, Rig, forward, until
from tests.lab_balancer.targets import Client

pytestmark = pytest.mark.lab

STALL_S = 2.0  # real: in a lab whose clock is 25 times as fast, two deregistration delays
WAITING = 20  # requests that come meanwhile


@contextmanager
def stalled(rig: Rig) -> Iterator[None]:
    """Envoy stands still for STALL_S, or for as long as this lasts if that is shorter."""
    pid = rig.balancer.envoy.pid
    wakes = threading.Timer(STALL_S, os.kill, (pid, signal.SIGCONT))
    os.kill(pid, signal.SIGSTOP)
    wakes.start()
    try:
        yield
    finally:
        wakes.cancel()
        os.kill(pid, signal.SIGCONT)


def test_who_ends_instances_when_the_api_allows_it_loses_no_request(rig: Rig) -> None:
    """Weights say that nobody is sent there, and draining is over: so nobody may be sent there."""
    old, new = rig.group(*rig.ids[:2]), rig.group(*rig.ids[2:])
    listener, port = rig.listener([forward((old, 1), (new, 0))])
    rig.until_healthy(old, new)
    rig.until_serving(port)
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(rig.address, port)) for _ in range(WAITING)]
        assert {client.get().status for client in clients} == {200}
        with stalled(rig):
            for client in clients:
                client.send()
            rig.elb.modify_listener(
                ListenerArn=listener, DefaultActions=[forward((old, 0), (new, 1))]
            )
            rig.deregister(old, *rig.ids[:2])
            until(lambda: rig.states(old) == {}, "drained")
            for each in rig.ids[:2]:
                rig.apps[each].stop()
        try:
            assert Counter(client.receive().status for client in clients) == {200: WAITING}
        finally:
            for each in rig.ids[:2]:
                rig.apps[each].start()


def test_draining_counts_from_when_envoy_sends_nobody_there_any_more(rig: Rig) -> None:
    group = rig.group(*rig.ids[:2])
    rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    began = rig.context.clock.now()
    with stalled(rig):
        rig.deregister(group, rig.ids[0])
    (target,) = rig.balancer.registry.find(dimension(group), rig.ids[0], None)
    assert target.draining_until is not None
    assert target.draining_until - began > DELAY_S + 0.9 * STALL_S * SCALE
