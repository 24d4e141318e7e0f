"""[[analysis.metrics]]: what the file may say, what is refused, and that the example says all of it."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT
from msgspec.structs import fields

from deployer.analysis.limits import Metric
from deployer.errors import NotFound, SettingsInvalid
from deployer.settings.kinds import Seconds
from deployer.settings.metrics import CloudWatchMetric, PrometheusMetric, Series, WebhookMetric
from deployer.settings.placeholders import NAMES, filled, strange
from deployer.settings.reading import load, made
from deployer.settings.schema import AnalysisSettings, Settings
from tests.settings.test_example import EXAMPLE
from tests.settings.test_reading import MINIMAL

TABLE = "[[analysis.metrics]]\n"
ASKED = f"""{TABLE}name = "refused"
source = "prometheus"
url = "https://prometheus.example.com/shop"
bad = 'sum(increase(bad{{slot="{{slot}}", code=~"5.{{2}}"}}[1m]))'
total = 'sum(increase(all{{slot="{{slot}}"}}[1m]))'
"""
COUNTED = f"""{TABLE}name = "refused"
source = "cloudwatch"
bad = "FILL(refused, 0)"
total = "refused + ok"
series.refused = {{ namespace = "Shop", metric = "Refused", dimensions = {{ Group = "{{group}}" }} }}
series.ok = {{ namespace = "Shop", metric = "Accepted", stat = "SampleCount" }}
"""
HOOKED = f'{TABLE}name = "refused"\nsource = "webhook"\nurl = "https://m.example.com/{{slot}}"\n'


def loaded(folder: Path, more: str) -> Settings:
    path = folder / "deployer.toml"
    path.write_text(MINIMAL + more)
    return load(path, "dev")


def test_a_metric_of_each_source_and_what_the_analysis_makes_of_it(tmp_path: Path) -> None:
    more = "weight = 2\ntolerated = 1.3\nmin_excess = 0.5\nharmful = [1, 10]\nsettles = true\n"
    hooked = HOOKED.replace("refused", "third")
    found = loaded(tmp_path, ASKED + more + COUNTED.replace('"refused"\ns', '"second"\ns') + hooked)
    first, second, third = found.analysis.metrics
    assert first.metric() == Metric("refused", 2.0, 1.3, 0.005, (0.01, 0.1), settles=True)
    assert second.metric() == Metric("second")
    assert isinstance(second, CloudWatchMetric)
    assert second.series["ok"] == Series(namespace="Shop", metric="Accepted", stat="SampleCount")
    assert isinstance(third, WebhookMetric)
    assert third.timeout_s == Seconds(5)


def test_an_environment_has_its_own(tmp_path: Path) -> None:
    own = HOOKED.replace("[[analysis", "[[environments.dev.analysis")
    assert [each.name for each in loaded(tmp_path, ASKED).analysis.metrics] == ["refused"]
    (found,) = loaded(tmp_path, ASKED.replace("refused", "other") + own).analysis.metrics
    assert isinstance(found, WebhookMetric)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ASKED.replace("prometheus", "graphite", 1), 'must be "cloudwatch" or "prometheus" or "webhook"'),
        (f'{TABLE}name = "a"\n', '[0].source is missing: write "cloudwatch" or "prometheus"'),
        (f'{TABLE}source = ["a"]\n', '[0].source = ["a"]: must be "cloudwatch"'),
        ('[analysis]\nmetrics = ["a"]\n', '[0] = "a": must be a table'),
        ('[analysis]\nmetrics = "a"\n', 'metrics = "a": must be up to 20 tables'),
        (ASKED + "wieght = 2\n", "metrics[0].wieght is not a setting; did you mean 'weight'?"),
        (ASKED + ASKED, 'metrics[1].name = "refused" (in dev): must be another name than'),
        (HOOKED.replace("refused", "slow"), "must be another name than failures, slow"),
        (ASKED.replace('{slot}"}', '{slto}"}'), "must be without {slto}; known: {slot}, {release}"),
        (ASKED.replace("/shop", "/{slot}"), "must be without {slot}"),
        (HOOKED.replace("//m", "//user:password@m"), "without a password"),
        (HOOKED.replace("//m", "//m/{secret}"), "must be without {secret}"),
        (HOOKED.replace("https", "http") + 'token_from = "T"\n', "an address with https"),
        (HOOKED.replace("//m", "//user:password@[m"), "without a password"),
        (HOOKED.replace("https", "http") + 'token_from = "T"\n', '"http://m.example.com/{slot}"'),
        (HOOKED.replace("{slot}", "?key=password@") + "tolerated = 0\n", "must be a ratio"),
        (HOOKED.replace("https", "http").replace("{slot}", "?key=password@") + 'token_from = "T"\n',
         '"http://m.example.com/?***"'),
        (HOOKED.replace("m.example.com", "[m") + 'token_from = "T"\n', "an address with a host"),
        (HOOKED.replace(".com", ".com:70000"), "a port from 1 to 65535"),
        (HOOKED.replace(".com", ".com:port"), "a port from 1 to 65535"),
        (HOOKED.replace(".com", ".com:0"), "a port from 1 to 65535"),
        (ASKED.replace("/shop", "/shop?x=1"), "nothing comes after its path"),
        (HOOKED + 'token_from = "password@"\n', "token_from = ***: must be the name"),
        (HOOKED + 'timeout = "11s"\n', 'timeout = "11s": must be a duration from 0.1s to 10s'),
        (HOOKED + "weight = nan\n", "weight = nan: must be a number from 0.01 to 100"),
        (HOOKED + "weight = 0\n", "weight = 0: must be a number"),
        (HOOKED + "tolerated = 0.9\n", "must be a ratio from 1"),
        (HOOKED + "harmful = [0.1, 0.005]\n", "must be two rising percents"),
        (HOOKED + "harmful = [0.0, 0.005]\n", "must be two rising percents"),
        (COUNTED.replace("series.ok", "series.okay"), "made of refused, okay: there is no ok"),
        (COUNTED.replace("FILL(refused, 0)", "SUM(METRICS())"), "by itself: without METRICS"),
        (COUNTED.replace("FILL(refused, 0)", "DIFF(refused)"), "without DIFF, which looks further"),
        (COUNTED.replace("refused, 0)", "refused, REPEAT)"), "without REPEAT"),
        (COUNTED.replace("series.ok", "series.Ok"), "the first small: not 'Ok'"),
        (COUNTED.replace("{group}", "{grp}"), "without {grp}"),
        (HOOKED.replace("{slot}", "{service}"), '[0].url = "https://m.example.com/{service}"'),
        (HOOKED.replace("{slot}", "x"), "one of {slot}, {release}, {group}, {target_group}: now both"),
        (ASKED.replace('all{slot="{slot}"}', "all"), '[0].total = "sum(increase(all[1m]))"'),
        (COUNTED.replace("{group}", "{load_balancer}"), '[0].bad = "FILL(refused, 0)"'),
        (COUNTED.replace("refused + ok", "ok"), '[0].total = "ok" (in dev): must be asked for each'),
        (COUNTED + 'absent = "zero"\n', 'must be "unknown" or "none"'),
        (COUNTED.replace("FILL(refused, 0)", "refused / {slot}").replace("series.ok", "series.slot")
         .replace(" ok", " slot"), "inside quotation marks only"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^deployer\.toml: analysis\.metrics") as refused:
        loaded(tmp_path, text)
    assert said in str(refused.value)
    assert "password@" not in str(refused.value)


def test_more_than_twenty_are_too_many(tmp_path: Path) -> None:
    many = "".join(HOOKED.replace("refused", f"m{n}") for n in range(21))
    with pytest.raises(SettingsInvalid, match="up to 20 tables"):
        loaded(tmp_path, many)


def test_a_token_may_go_anywhere_on_this_machine(tmp_path: Path) -> None:
    near = HOOKED.replace("https://m.example.com", "http://127.0.0.1:9090") + 'token_from = "T"\n'
    (metric,) = loaded(tmp_path, near).analysis.metrics
    assert isinstance(metric, WebhookMetric)
    assert metric.token_from == "T"


def test_settings_made_in_code_are_judged_as_well(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ASKED + COUNTED.replace('"refused"\ns', '"second"\ns'))
    parts = {"analysis": settings.analysis}
    assert made(settings.service, settings.environment, parts).analysis == settings.analysis
    twice = AnalysisSettings(metrics=settings.analysis.metrics * 2)
    with pytest.raises(SettingsInvalid, match="another name"):
        made(settings.service, settings.environment, {"analysis": twice})


def documented(folder: Path) -> Path:
    """The example with its commented metrics in force."""
    lines = EXAMPLE.read_text().splitlines()
    start, end = lines.index("metrics = []"), lines.index("[probe]")
    path = folder / "deployer.toml"
    metrics = [line[1:] for line in lines[start + 1 : end] if line.startswith("#")]
    path.write_text("\n".join([*lines[:start], *metrics, *lines[end:]]))
    return path


def test_the_example_names_every_key_of_every_source_and_shows_the_defaults(tmp_path: Path) -> None:
    path = documented(tmp_path)
    tables = {
        table["source"]: table for table in tomllib.loads(path.read_text())["analysis"]["metrics"]
    }
    parsed = load(path).analysis.metrics
    assert [type(each) for each in parsed] == [CloudWatchMetric, PrometheusMetric, WebhookMetric]
    common = {"name", "weight", "tolerated", "min_excess", "harmful", "settles"}
    for metric in parsed:
        table = tables[metric.__struct_config__.tag]
        for field in fields(metric):
            shown = field.encode_name in table
            assert shown or field.encode_name in common, field.encode_name
            if shown and field.default is not NODEFAULT and field.name != "token_from":
                assert getattr(metric, field.name) == field.default, field.encode_name
    assert common <= set(tables["cloudwatch"])
    assert {field.name for field in fields(Series)} <= set(
        tables["cloudwatch"]["series"]["refused"]
    )


def test_braces_stand_for_what_is_known_and_for_nothing_else() -> None:
    facts = {name: f"<{name}>" for name in NAMES}
    assert filled('up{slot="{slot}"} {2} {a="b"}', facts) == 'up{slot="<slot>"} {2} {a="b"}'
    assert filled("?r={release}", facts, lambda value: value.upper()) == "?r=<RELEASE>"
    assert strange("{slot}{nope}", NAMES) == "nope"


@given(st.text('{}slotrelease_ "=', max_size=30))
def test_what_is_not_strange_can_be_filled(text: str) -> None:
    facts = dict.fromkeys(NAMES, "x")
    if strange(text, NAMES) is None:
        filled(text, facts)
    else:
        with pytest.raises(NotFound):
            filled(text, facts)
