"""What a release does to its users on purpose, and what is done to all of them at once."""

import json
import time
from pathlib import Path
from statistics import median

import pytest

from tests.example_app.conftest import Process, Start

pytestmark = pytest.mark.alone


def statuses(shop: Process, requests: int = 5) -> list[int]:
    return [shop.get("/")[0] for _ in range(requests)]


def seconds(shop: Process, path: str = "/", requests: int = 1) -> list[float]:
    taken = []
    for _ in range(requests):
        before = time.perf_counter()
        shop.get(path)
        taken.append(time.perf_counter() - before)
    return taken


def tell(path: Path, **trouble: float) -> None:
    """As the lab does: whole, or not at all."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(trouble))
    draft.replace(path)


def test_latency_differs_from_request_to_request_if_told_to(start: Start) -> None:
    shop = start(latency_ms=4, latency_spread=1.0).ready()
    taken = sorted(seconds(shop, requests=60))
    # Log-normal with sigma 1: of 60 the third longest takes five times the median or so.
    assert taken[-3] > 2 * median(taken)
    assert median(taken) >= 0.001


def test_it_is_cold_from_its_first_request_on_and_never_towards_the_health_check(
    start: Start,
) -> None:
    shop = start(cold_s=0.6, cold_error_rate=1.0, cold_latency_ms=40).ready()
    time.sleep(0.7)  # nobody has come: it is as cold as before
    assert shop.get("/health")[0] == 200
    assert statuses(shop, 2) == [500, 500]
    assert min(seconds(shop)) >= 0.04
    time.sleep(0.6)
    assert statuses(shop) == [200] * 5


def test_an_incident_hits_every_release_while_it_lasts(start: Start, tmp_path: Path) -> None:
    told = tmp_path / "incident.json"
    shops = [start(name, incident_file=str(told)).ready() for name in ("v1", "v2")]
    assert [statuses(shop) for shop in shops] == [[200] * 5] * 2
    tell(told, error_rate=1.0)
    assert [statuses(shop) for shop in shops] == [[500] * 5] * 2
    assert [shop.get("/health")[0] for shop in shops] == [200, 200]
    tell(told, latency_ms=60)
    assert all(min(seconds(shop)) >= 0.06 for shop in shops)
    told.unlink()
    assert [statuses(shop) for shop in shops] == [[200] * 5] * 2


def test_one_that_cannot_be_read_is_no_silence(start: Start, tmp_path: Path) -> None:
    """An unknown key is a mistake of whoever wrote it: the request fails, and the log says why."""
    told = tmp_path / "incident.json"
    shop = start(incident_file=str(told)).ready()
    tell(told, error_rat=1.0)
    with pytest.raises(OSError, match=r"without response|reset"):
        shop.get("/")
