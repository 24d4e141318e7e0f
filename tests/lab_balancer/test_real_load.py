"""Weights change under load: not one request is lost, and traffic follows at once."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.lab_balancer.rig import Rig, forward, until
from tests.lab_balancer.targets import Client

pytestmark = pytest.mark.lab

RPS, DURATION_S, CONNECTIONS, CHANGES = 300, 5, 8, 50
REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


async def worker(address: str, port: int, ends: float) -> Counter[str]:
    """Requests at an even pace on one keep-alive connection."""
    reader, writer = await asyncio.open_connection(address, port)
    counted: Counter[str] = Counter()
    pause = CONNECTIONS / RPS
    while time.monotonic() < ends:
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        counted[head.split()[1].decode()] += 1
        await asyncio.sleep(pause)
    writer.close()
    await writer.wait_closed()
    return counted


async def load(rig: Rig, listener: str, port: int, groups: tuple[str, str]) -> Counter[str]:
    ends = time.monotonic() + DURATION_S
    workers = [asyncio.create_task(worker(rig.address, port, ends)) for _ in range(CONNECTIONS)]
    for number in range(CHANGES):
        share = (0, 1, 10, 50, 99, 100)[number % 6] * 9
        weights = ((groups[0], 900 - share), (groups[1], share))
        await asyncio.to_thread(
            rig.elb.modify_listener, ListenerArn=listener, DefaultActions=[forward(*weights)]
        )
        await asyncio.sleep(DURATION_S / CHANGES / 2)
    return sum(await asyncio.gather(*workers), Counter[str]())


def test_no_request_is_lost_while_weights_change_50_times(rig: Rig) -> None:
    groups = rig.group(*rig.ids[:2]), rig.group(*rig.ids[2:])
    listener, port = rig.listener([forward((groups[0], 1), (groups[1], 0))])
    rig.until_healthy(*groups)
    until(lambda: rig.ask(port).status == 200, "requests")
    served = sum(app.served["/"] for app in rig.apps.values())
    counted = asyncio.run(load(rig, listener, port, groups))
    assert counted.keys() == {"200"}
    assert counted["200"] > RPS * DURATION_S / 3  # there was a load, on any machine
    assert sum(app.served["/"] for app in rig.apps.values()) - served == counted["200"]


def test_traffic_feels_a_weight_change_at_once(rig: Rig) -> None:
    groups = rig.group(rig.ids[0]), rig.group(rig.ids[1])
    listener, port = rig.listener([forward((groups[0], 1), (groups[1], 0))])
    rig.until_healthy(*groups)

    def shift(client: Client, new: int) -> int:
        """How many requests still went to the old group."""
        shares = [(group, int(side == new)) for side, group in enumerate(groups)]
        rig.elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(*shares)])
        return sum(1 for _ in iter(lambda: client.get().name, rig.ids[new]))

    rig.until_serving(port)
    with Client(rig.address, port) as client:
        wrong = [shift(client, new) for new in (1, 0) * 10]
    # A request takes about a millisecond: this is time, told in requests of an idle client.
    assert sorted(wrong)[len(wrong) // 2] < 50


def test_envoy_is_small_and_dies_with_the_balancer(rig: Rig) -> None:
    status = Path(f"/proc/{rig.balancer.envoy.pid}/status").read_text()
    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    assert resident_kb < 120_000
