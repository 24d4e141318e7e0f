"""HTML as elements: what is text stays text, whatever is in it. Pure."""

import re
from xml.etree.ElementTree import Element, SubElement

Content = str | Element
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def tag(name: str, *content: Content, **attributes: str) -> Element:
    """`tag("p", "since ", moment(at), class_="dim")`; a trailing `_` and `_` for `-` as Python wants it."""
    made = Element(
        name, {key.rstrip("_").replace("_", "-"): printable(v) for key, v in attributes.items()}
    )
    for each in content:
        append(made, each)
    return made


def append(to: Element, content: Content) -> None:
    """One more word or element at its end."""
    if not isinstance(content, str):
        to.append(content)
    elif len(to):
        to[-1].tail = (to[-1].tail or "") + printable(content)
    else:
        to.text = (to.text or "") + printable(content)


def printable(text: str) -> str:
    """Without what no page may hold: a message from far away may have anything in it."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def section(name: str, title: str, *content: Content) -> Element:
    """A part of the page, under its own heading."""
    made = Element("section", {"id": name, "aria-labelledby": f"{name}-title"})
    SubElement(made, "h2", {"id": f"{name}-title"}).text = title
    for each in content:
        append(made, each)
    return made


def facts(*rows: tuple[str, Content | None]) -> Element:
    """A list of names and what they are; without those that are nothing."""
    made = Element("dl", {"class": "facts"})
    for name, value in rows:
        if value is None or value == "":
            continue
        made.append(tag("div", tag("dt", name), tag("dd", value)))
    return made


def scrolling(label: str, content: Element) -> Element:
    """What may be wider than the page: it scrolls by itself, by keyboard too.

    A caption that says the same as the heading above is for screen readers alone.
    """
    caption = content.find("caption")
    if caption is not None and caption.text == label:
        caption.set("class", "unseen")
    return tag(
        "div", content, class_="scroll", tabindex="0", role="region", aria_label=f"{label}: table"
    )
