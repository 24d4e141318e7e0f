"""Pictures of the strategies: what users get and what runs, over time; drawn by pygal from `stories`."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import pygal
from pygal.style import Style

from docs.generate.stories import NEW, OLD, STORIES, Look

# Its finder of plug-ins, which are not used, speaks an import protocol that Python has given up: each later
# import that fails elsewhere would warn of it.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "PluginImportFixer"]

# Readable on white and on black: GitHub shows both.
_GREY, _OLD, _NEW = "#7d8590", "#8b98a8", "#3b82f6"
_STYLE = Style(
    background="transparent", plot_background="transparent", foreground=_GREY,
    foreground_strong=_GREY, foreground_subtle="#7d859055", colors=(_OLD, _NEW), opacity=".75",
    opacity_hover=".9", font_family="system-ui, sans-serif", label_font_size=11,
    major_label_font_size=11, title_font_size=14, legend_font_size=12, guide_stroke_color="#7d859044",
    guide_stroke_dasharray="2,4", major_guide_stroke_color="#7d859044",
    major_guide_stroke_dasharray="2,4",
)  # fmt: skip
_TICKS = 8
_SCRIPT = re.compile(r"\s*<script\b.*?</script>", re.DOTALL)  # for tooltips: a picture needs none


@cache
def _looks(name: str) -> tuple[Look, ...]:
    return tuple(STORIES[name].looks())


def users(name: str) -> str:
    """Whose release users get, in percent."""
    return _drawn("users, %", name, [each.users for each in _looks(name)], range(0, 101, 25))


def instances(name: str) -> str:
    """Instances that can serve, by release."""
    counted = [each.instances for each in _looks(name)]
    most = max(sum(each.values()) for each in counted)
    return _drawn("instances", name, counted, range(0, most + 1, 2 if most > 5 else 1))


def _drawn(what: str, name: str, series: Sequence[Mapping[str, float]], marks: range) -> str:
    minutes = [each.minute for each in _looks(name)]
    step = max(1, round((minutes[-1] - minutes[0]) / _TICKS / 5)) * 5
    chart = pygal.StackedLine(
        fill=True, style=_STYLE, width=420, height=205, show_dots=False, explicit_size=True, js=(), no_prefix=True,
        disable_xml_declaration=True, legend_at_bottom=True, truncate_legend=-1, margin=8, truncate_label=-1,
        range=(0, max(marks)), y_labels=list(marks), show_minor_x_labels=False, pretty_print=True, title=f"{what}, by minute",
    )  # fmt: skip
    chart.x_labels = [f"{minute:g}" for minute in minutes]
    chart.x_labels_major = [f"{m:g}" for m in minutes if m >= 0 and m % step == 0]
    for release, label in ((OLD, "v1, old"), (NEW, "v2, new")):
        chart.add(label, [round(each[release], 1) for each in series])
    return _SCRIPT.sub("", str(chart.render(is_unicode=True)))


PICTURES: Mapping[str, Callable[[], str]] = {
    f"docs/pictures/{name}-{kind.__name__}.svg": partial(kind, name)
    for name in STORIES
    for kind in (users, instances)
}
