"""What docs/costs.md asks AWS's price list, by the real AWS CLI; a list of our own answers."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deployer.aws.price_list import filters, usd_of
from tests import amazon
from tests.documents.reading import shown
from tests.downloads import Unreachable

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

HERE = "tests/documents/test_price_list.py::test_the_page_asks_what_the_deployer_asks"
TERM = {"priceDimensions": {"SKU.TERM.RATE": {"unit": "Hrs", "pricePerUnit": {"USD": "0.0120000000"}}}}  # fmt: skip
PRODUCT = {"product": {"sku": "SKU"}, "terms": {"OnDemand": {"SKU.TERM": TERM}}}


class Asked(BaseHTTPRequestHandler):
    """Answers every question with the one product; keeps what was asked."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.asked.append((self.headers["X-Amz-Target"], json.loads(body)))
        answer = json.dumps({"FormatVersion": "aws_v1", "PriceList": [json.dumps(PRODUCT)]})
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output is for what fails."""


@pytest.fixture
def price_list() -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), Asked) as server:
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_page_asks_what_the_deployer_asks(price_list: Any, tmp_path: Path) -> None:
    try:
        folder = amazon.installed(tmp_path / "bin")
    except Unreachable as error:
        pytest.skip(f"no real AWS CLI: {error}")
    variables = {
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{price_list.server_port}",
    }  # fmt: skip
    (line,) = shown(HERE)
    done = subprocess.run(
        ["bash", "-euc", line],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert usd_of([done.stdout]) == 0.012
    ((target, asked),) = price_list.asked
    assert target.endswith(".GetProducts")
    assert asked["ServiceCode"] == "AmazonEC2"
    by_field = sorted(asked["Filters"], key=lambda each: str(each["Field"]))
    assert by_field == sorted(
        filters("t3.micro", "eu-central-1"), key=lambda each: str(each["Field"])
    )
