"""Further metrics before a deployment: what was usual of them, and what people are told beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployer.analysis.dispersion import PRIOR_PHI, Base
from deployer.model import Minute, Slot
from deployer.operations.usual import Past, Wish, of_slot
from deployer.settings.reading import load
from deployer.settings.terms import terms_of
from deployer.wiring.intents import notes
from tests.settings.test_metrics import HOOKED
from tests.settings.test_reading import MINIMAL
from tests.unit.test_usual import Before

NOTHING = "nothing was counted in the last day, so a name in its query may be wrong"
WHY = "https://m.example.com/blue: timeout"


@dataclass
class Shop(Before):
    """Blue's orders are refused, one in a hundred; the newest minute is untold as `untold` says."""

    untold: Mapping[str, str] = field(default_factory=dict)

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        seen = super().traffic(since, until, slow_s)
        told = {"refused": (1.0, 100.0)}
        ours = [
            Minute(each.start, each.requests, custom=told if each.requests else {})
            for each in seen[Slot.BLUE]
        ]
        last = Minute(ours[-1].start, ours[-1].requests, unknown=self.untold)
        return {**seen, Slot.BLUE: [*ours[:-1], last]}


def before(shop: Shop) -> Past:
    return of_slot(shop, Slot.BLUE, Wish(60.0))


def test_what_is_usual_of_a_further_metric_is_learned_from_the_slot_that_serves() -> None:
    known = before(Shop()).bases["refused"]
    assert known.minutes == 299
    assert known.usual is not None
    assert 0.01 < known.usual < 0.012  # at most so many
    assert known.phi == PRIOR_PHI  # nobody tells it by zone


def test_what_a_source_cannot_tell_now_is_told_to_people() -> None:
    assert before(Shop(untold={"refused": WHY})).untold == {"refused": WHY}
    assert before(Shop(minutes=5, untold={"refused": WHY})).untold == {"refused": WHY}
    assert before(Shop()).untold == {}


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (Past(300, bases={"refused": Base(0.01)}), []),
        (
            Past(300, untold={"refused": WHY}),
            [f"refused: {WHY}. While it is unknown, no release is called good."],
        ),
        (
            Past(300),
            [f"refused: {NOTHING}. While it is unknown, no release is called good."],
        ),
        (Past(300, untold={"refused": "nothing is known yet that {release} stands for"}), []),
        (Past(0), []),
    ],
)
def test_notes(tmp_path: Path, past: Past, said: list[str]) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(f"{MINIMAL}[canary]\nweights = [5]\n{HOOKED}")
    settings = load(path, "dev")
    assert list(notes(settings, past)) == said


def test_the_terms_have_what_was_usual(tmp_path: Path) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(f"{MINIMAL}[analysis]\nprobes = 30\n{HOOKED}")
    found = terms_of(load(path, "dev").analysis, Past(300, bases={"refused": Base(0.01)}))
    assert found.bases == {"refused": Base(0.01)}
    assert [one.name for one in found.limits.metrics] == ["failures", "refused"]
    assert found.probes == 30
