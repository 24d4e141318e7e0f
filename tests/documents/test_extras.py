"""The extras as pages and messages tell to install them, in an environment that has none: a minute.

Each says before what it needs, and works afterwards by what it brings and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documents import checkout
from tests.documents.checkout import Checkout
from tests.documents.reading import shown
from tests.downloads import Unreachable

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

HERE = "tests/documents/test_extras.py"
# What the extra is for, as far as that needs no cloud.
PROBES = {
    "dashboard": "deployer dashboard --help && python -c 'from deployer.dashboard import serving, site'",
    "otel": "python -c \"from deployer.channels.traces import otlp; otlp('http://127.0.0.1:4318')\"",
    "prometheus": "python -c 'from deployer.channels.metrics import Newest, registry_of; registry_of(Newest(None))'",
    "holidays": "deployer --config deployer.toml windows",
}
SETTINGS = """
[service]
name = "shop"
[environments.lab]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-03c3da4cfa8e8943a"
[windows]
time_zone = "Asia/Seoul"
holidays = ["KR"]
allowed = ["mon-fri 09:00-17:00"]
"""


@dataclass(frozen=True)
class Bare:
    """An environment with the deployer and no extra, in `folder`; and the checkout that it is of."""

    checkout: Checkout
    folder: Path

    def installs(self, command: str) -> None:
        """Typed in the checkout."""
        self.checkout.types(f". {self.folder}/bin/activate", command)

    def tries(self, extra: str) -> str:
        """Use it, far from the checkout: what is imported is what was installed."""
        return self.checkout.types(
            f"cd {self.folder}", ". bin/activate", f"{{ {PROBES[extra]}; }} || echo failed"
        )

    def grows(self, extra: str, command: str) -> None:
        """By this command it can do what it could not."""
        before = self.tries(extra)
        assert f"deployer[{extra}]" in before, before
        assert before.endswith("failed\n")
        self.installs(command)
        after = self.tries(extra)
        assert not after.endswith("failed\n"), after


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bare")
    try:
        made = Bare(checkout.made(tmp_path_factory.mktemp("checkout")), folder)
    except Unreachable as error:
        pytest.skip(f"nothing can be installed: {error}")
    made.checkout.types(f'"$PYTHON" -m venv {folder}')
    made.installs("pip install --quiet .")
    (folder / "deployer.toml").write_text(SETTINGS)
    return made


def test_the_dashboard(bare: Bare) -> None:
    (command,) = shown(f"{HERE}::test_the_dashboard")
    bare.grows("dashboard", command)


def test_traces(bare: Bare) -> None:
    (command,) = shown(f"{HERE}::test_traces")
    bare.grows("otel", command)


def test_metrics(bare: Bare) -> None:
    (command,) = shown(f"{HERE}::test_metrics")
    bare.grows("prometheus", command)


def test_what_a_message_tells_to_type(bare: Bare) -> None:
    """By its name, an extra of what is installed: no registry is asked for another `deployer`."""
    bare.grows("holidays", "pip install 'deployer[holidays]'")
