"""The load over TLS: nobody but who has the right certificate is taken for the service."""

import asyncio
import ssl
from pathlib import Path

import pytest

from deployer.lab import home
from deployer.lab.authority import issue
from deployer.lab.load.client import Client, drive
from deployer.lab.load.report import LoadReport
from deployer.lab.load.target import Schedule, target

from .test_client import Handler, answer, serving

pytestmark = pytest.mark.alone


def shows(folder: Path, name: str) -> ssl.SSLContext:
    """A server's side, with a new certificate for `name` of this folder's authority."""
    pem, key = issue(folder, name)
    both = folder / "both.pem"
    both.write_bytes(pem + key)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(both)
    return made


def load(
    handler: Handler, shown: ssl.SSLContext, trusted: Path | None, *, rps: float = 100
) -> LoadReport:
    async def main() -> LoadReport:
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=shown)
        aim = target(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", authority=trusted)
        report = await drive(Client(aim, Schedule(rps, 0.3, timeout_s=5)), None, None)
        server.close()
        await server.wait_closed()
        return report

    return asyncio.run(main())


def test_requests_share_connections_as_they_do_without_tls(tmp_path: Path) -> None:
    shown = shows(tmp_path, "127.0.0.1")
    report = load(serving(lambda _: answer()), shown, home.authority(tmp_path))
    assert (report.requests, report.ok, dict(report.failures)) == (30, 30, {})
    assert report.connections < 20


def test_connections_that_the_server_ends_fail_nobody(tmp_path: Path) -> None:
    shown = shows(tmp_path, "127.0.0.1")
    report = load(serving(lambda _: answer(close=True)), shown, home.authority(tmp_path))
    assert (report.ok, dict(report.failures)) == (30, {})
    assert report.connections == 30


@pytest.mark.parametrize("name", ["127.0.0.2", "shop.example.com"])
def test_a_certificate_for_somebody_else_is_a_failure(tmp_path: Path, name: str) -> None:
    report = load(serving(lambda _: answer()), shows(tmp_path, name), home.authority(tmp_path))
    assert (report.failures, report.connections) == ({"tls": 30}, 0)


def test_so_is_one_of_an_authority_that_is_not_trusted(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    issue(other, "127.0.0.1")
    shown = shows(tmp_path, "127.0.0.1")
    report = load(serving(lambda _: answer()), shown, home.authority(other))
    assert report.failures == {"tls": 30}


def test_a_server_that_hangs_up_in_the_middle_resets(tmp_path: Path) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(200, "v9")[:-1])
        await writer.drain()
        writer.close()

    report = load(half, shows(tmp_path, "127.0.0.1"), home.authority(tmp_path))
    assert {name: dict(t.failures) for name, t in report.releases.items()} == {"v9": {"reset": 30}}
