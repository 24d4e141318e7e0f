"""One page of HTML: charts, tables, and a policy that lets nothing else in. Pure."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, tostring

from deployer import web
from deployer.operations.story import Story
from deployer.render.figures import element, moment
from deployer.render.plan import title
from deployer.render.progress import WORDS
from deployer.render.report import charts, sections
from deployer.render.report.markup import append, printable, section, tag
from deployer.render.words import one_line

START = "Charts.localTimes(); Charts.drawAll();"
WITHOUT_SCRIPT = ".plot, .legend { display: none; }"


def page(story: Story) -> str:
    """The whole report, which needs nothing beside it and asks nobody for anything.

    Its tables say in words what its charts show: it is complete without JavaScript.
    """
    styles = [web.asset(name) for name in web.STYLES]
    scripts = [*(web.asset(name) for name in web.SCRIPTS), START]
    name = (
        f"{title(story.record.first_plan)} in {story.service}/{one_line(story.record.environment)}"
    )
    head = "\n".join((
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        _markup(tag("meta", http_equiv="Content-Security-Policy", content=policy(styles, scripts))),
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">',
        _markup(tag("title", f"{name}: {WORDS[story.record.status]}")),
        *(f"<style>{each}</style>" for each in styles),
        f"<noscript><style>{WITHOUT_SCRIPT}</style></noscript>\n</head>",
    ))  # fmt: skip
    ends = "\n".join(f"<script>{each}</script>" for each in scripts)
    return f"{head}\n{_markup(_body(story, name), ends)}\n</html>\n"


def policy(styles: list[str], scripts: list[str]) -> str:
    """Nothing but these styles and scripts: no other code, no request to anywhere."""
    style = " ".join(web.digest(each) for each in (*styles, WITHOUT_SCRIPT))
    script = " ".join(map(web.digest, scripts))
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def _markup(made: Element, before_end: str = "") -> str:
    text = tostring(made, encoding="unicode", method="html")
    return text.replace("</body>", f"{before_end}\n</body>") if before_end else text


def _body(story: Story, name: str) -> Element:
    parts = list(_parts(story))
    links = [
        tag("li", tag("a", part.findtext("h2") or "", href=f"#{part.get('id')}")) for part in parts
    ]
    main = tag("main", *parts, id="main")
    footer = tag("footer", tag("p", "Made ", moment(story.now), " by deployer.", class_="dim"))
    if (missing := sections.gaps(story)) is not None:
        append(footer, missing)
    return tag(
        "body",
        tag("a", "Skip to the report", class_="skip", href="#main"),
        tag("header", tag("h1", printable(name))),
        tag("nav", tag("ul", *links), class_="contents", aria_label="Contents"),
        main,
        footer,
    )


def _parts(story: Story) -> Iterator[Element]:
    yield sections.summary(story)
    drawn = [element(each) for each in charts.figures(story)]
    if drawn:
        yield section("charts", "In the course of time", tag("div", *drawn, class_="charts"))
    for made in (
        sections.verdict(story), sections.events(story), sections.audit(story), sections.cost(story),
        sections.plans(story), sections.calls(story), sections.minutes(story),
    ):  # fmt: skip
        if made is not None:
            yield made
