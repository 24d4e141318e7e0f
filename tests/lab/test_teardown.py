"""An environment goes to sleep, wakes, and goes away for good: one lab, users all the while.

The rails one by one are a table in tests/cli/test_teardown.py; here are those that take a real
environment: users, a deployment, a rollback window, stacks that do not call it ephemeral.
"""

import http.client
import shlex
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
import pytest

from tests.documents.reading import shown
from tests.lab.forked import Forked
from tests.leftovers import left

from .conftest import ROOT, Shell, as_sample, lab_up, service_in, shell_for
from .live import Site

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(400)]

SETTINGS = """
[environments.lab.teardown]
ephemeral = true
window = "1m"
requests = {requests}
[environments.lab.canary]
weights = [50]
bake = "1s"
final_bake = "1s"
linger = "1m"
[environments.lab.blue_green]
bake = "1s"
window = "24h"
[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "1s"
max_time = "3m"
[sweep]
enabled = false
"""
ALL, FEW = 1_000_000, 0
SIZE = "max_instances = 8"


def settings(requests: int, *, ephemeral: bool = True) -> str:
    """Three instances serve; so many requests in a minute are no use."""
    more = SETTINGS.format(requests=requests)
    text = as_sample(more if ephemeral else more.replace("true", "false", 1))
    assert SIZE in text
    return text.replace(SIZE, f"{SIZE}\ninstances = 3", 1)


PAGE = "page"


@dataclass
class Users:
    """One after the other, some thirty a second, from a thread of their own; what each of them got.

    seen: release, `page`, or what went wrong -> how many; `order`: the same, without repetitions.
    """

    url: str
    seen: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()

    def _come(self) -> None:
        while not self._over.wait(0.03):
            got = self._ask()
            self.seen[got] += 1
            if self.order[-1:] != [got]:
                self.order.append(got)

    def _ask(self) -> str:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            connection.request("GET", "/products")
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return f"lost: {error!r}"
        finally:
            connection.close()
        if answer.status == 503 and "deployer --env lab wake" in body:
            return PAGE
        return answer.headers.get("X-Release", "") if answer.status == 200 else f"{answer.status}"

    def until(self, got: str, more: int = 20) -> None:
        """Wait until so many more of them got that."""
        wanted, deadline = self.seen[got] + more, time.monotonic() + 60
        while self.seen[got] < wanted:
            assert time.monotonic() < deadline, self.seen
            time.sleep(0.1)


@dataclass
class House:
    """A lab, its settings with much and with little patience for users, and its owner's sight."""

    site: Site
    folder: Path
    url: str

    @property
    def shell(self) -> Shell:
        return self.site.shell

    def with_settings(self, text: str) -> Shell:
        """The same lab, looked at by other settings."""
        config = self.folder / "other.toml"
        config.write_text(text)
        return Forked({**self.shell.variables, "DEPLOYER_CONFIG": str(config)})

    @property
    def owner(self) -> Shell:
        """May delete stacks; the deployer's role may not."""
        keys = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_SESSION_TOKEN": ""}
        return Forked({**self.shell.variables, **keys})

    def sizes(self) -> dict[str, tuple[int, int, int]]:
        """Asked for, there, at least."""
        slots = {name: self.site.slot(name) for name in ("blue", "green")}
        return {
            name: (slot["desired"], len(slot["instances"]), slot["minimum"])
            for name, slot in slots.items()
        }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("service")
    config = service_in(folder, settings(ALL))
    shell = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(shell, "--scale", "60"):
        inside = Forked({**shell.variables, **shell.json("lab", "env")})
        for release in ("v1", "v2"):
            assert inside.run("lab", "release", release).returncode == 0
        done = inside.run("canary", "v1")
        assert done.returncode == 0, done.stderr
        yield House(Site(inside, folder, {}), folder, inside.events("status")[0]["url"])


def typed(number: int) -> list[str]:
    """The words of the page's command; it has another environment."""
    lines = shown("tests/lab/test_teardown.py::test_a_life_of_sleeping_waking_refusing_and_going")
    words = shlex.split(lines[number], comments=True)[1:]
    return ["lab" if word == "dev" else word for word in words]


def test_a_life_of_sleeping_waking_refusing_and_going(house: House) -> None:
    """In this order: the environment is gone at the end."""
    sleeps_and_wakes(house)
    is_woken_after_a_kill(house)
    refuses(house)
    goes(house)


def sleeps_and_wakes(house: House) -> None:
    """Users are served, then told, then served again, and none is lost; then the next release."""
    before = house.sizes()
    assert sorted(before.values()) == [(0, 0, 0), (3, 3, 0)]
    with Users(house.url) as users:
        users.until("v1")
        looked = house.shell.run(*typed(0))
        assert looked.returncode == 0, looked.stderr
        assert house.sizes() == before
        asleep = house.shell.run(*typed(1))
        assert asleep.returncode == 0, asleep.stderr
        assert set(house.sizes().values()) == {(0, 0, 0)}
        users.until(PAGE)
        (status,) = [d for d in house.shell.events("status") if d["event"] == "status"]
        assert {s["desired"] for s in status["asleep"]["slots"].values()} == {0, 3}
        assert house.shell.run("canary", "v2").returncode == 2  # `deployer wake` first
        fit = house.owner.run("verify")
        assert fit.returncode == 0, fit.stdout
        again = house.shell.run("teardown", "lab")
        assert "asleep already" in again.stdout
        awake = house.shell.run(*typed(2))
        assert awake.returncode == 0, awake.stderr
        users.until("v1")
        assert house.sizes() == before
        assert house.shell.run("canary", "v2").returncode == 0
        users.until("v2")
    assert users.seen.keys() == {"v1", "v2", PAGE}
    assert users.order[:3] == ["v1", PAGE, "v1"]
    assert PAGE not in users.order[3:]


def is_woken_after_a_kill(house: House) -> None:
    """Killed behind its page it is woken by the next command."""
    before = house.sizes()
    with Users(house.url) as users:
        with subprocess.Popen(
            house.shell.command("teardown", "lab"), env=dict(house.shell.variables), cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as runner:  # fmt: skip
            users.until(PAGE)
            runner.kill()
        awake = house.shell.run("wake")
        assert awake.returncode == 0, awake.stderr
        users.until("v2")
    assert users.seen.keys() == {"v2", PAGE}
    assert house.sizes() == before


def refuses(house: House) -> None:
    """What is used, deployed to or in its window; nothing is changed by any of these."""
    before = house.site.owned()
    strict = house.with_settings(settings(FEW))
    with Users(house.url) as users:
        users.until("v2", more=150)  # longer than one window
        refused = strict.run("teardown", "lab")
    assert refused.returncode == 2, refused.stderr
    assert "traffic: it is used" in refused.stderr
    quiet = house.with_settings(settings(ALL, ephemeral=False))
    refused = quiet.run("teardown", "lab")
    assert refused.returncode == 2
    assert "not-ephemeral" in refused.stderr
    assert house.site.owned() == before
    with subprocess.Popen(
        house.shell.command("blue-green", "v1"), env=dict(house.shell.variables), cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as runner:  # fmt: skip
        try:
            await_window(house)
            assert house.shell.run("teardown", "lab").returncode == 5
            looked = house.shell.run("teardown", "lab", "--dry-run", "--level", "retire")
            assert looked.returncode == 5, looked.stdout
        finally:
            assert house.shell.run("promote").returncode == 0
            assert runner.wait(timeout=60) == 0


def await_window(house: House) -> None:
    deadline = time.monotonic() + 60
    while True:
        (status,) = [d for d in house.shell.events("status") if d["event"] == "status"]
        active = status["active"]
        if active is not None and active["step"] == active["steps"] - 1:
            return
        assert time.monotonic() < deadline, status
        time.sleep(0.3)


def goes(house: House) -> None:
    """Deleted, it leaves what is in buckets, and then nothing."""
    owner = house.owner
    longer = owner.run(*typed(3))
    assert longer.returncode == 0, longer.stderr
    refused = owner.run("teardown", "lab", "--level", "delete")
    assert refused.returncode == 2
    assert "--confirm lab" in refused.stderr
    first = owner.run(*typed(4))
    assert first.returncode == 4, first.stdout + first.stderr
    assert "deployer --env lab deploy v1" in first.stdout
    assert "shop-lab-service is gone" in first.stdout
    assert "still there: shop-lab-control" in first.stderr
    kept = remains(house)
    assert kept["stacks"] == ["shop-lab-control"]
    for bucket in kept["buckets"]:
        resource: Any = boto3.resource(
            "s3", endpoint_url=house.site.endpoint, region_name="us-east-1",
            aws_access_key_id="lab", aws_secret_access_key="lab",
        )  # fmt: skip
        resource.Bucket(bucket).object_versions.delete()
    again = owner.run("teardown", "lab", "--level", "delete", "--confirm", "lab")
    assert again.returncode == 0, again.stdout + again.stderr
    assert remains(house) == {}


def remains(house: House) -> dict[str, list[str]]:
    return left(house.site.client)
