"""Tables that fit: where there is no room, columns that say least go first, and words go below. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from deployer.render.words import cut

GAP = "  "
BESIDE = 30  # columns that the words of a row need, to stand beside its cells
BELOW = "    "


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells, whatever the head; `words` come last and may be long.

    styles: by name of the column.
    """

    cells: Sequence[str]
    words: str = ""
    styles: Mapping[str, str] = field(default_factory=dict)


def table(
    head: Sequence[str],
    rows: Sequence[Row],
    width: int,
    *,
    words: str = "",
    spare: Sequence[str] = (),
) -> Text:
    """A head, and the rows under it, within `width` columns as far as the cells allow.

    words: head of what the rows say last; cut where it stands beside, on a line of its own otherwise.
    spare: names of the columns that can be left out, the least important first.
    """
    sizes = {
        name: max(map(cell_len, (name, *(row.cells[at] for row in rows))))
        for at, name in enumerate(head)
    }
    beside = bool(words) and _wide(sizes) + len(GAP) + BESIDE <= width
    kept = dict(sizes)
    for name in spare:
        if _wide(kept) <= width:
            break
        del kept[name]
    top = Row(list(head), words if beside else "", dict.fromkeys((*head, ""), "dim"))
    lines = [_line(top, head, kept, width)]
    for row in rows:
        lines.append(_line(row if beside else Row(row.cells, "", row.styles), head, kept, width))
        if row.words and words and not beside:
            lines.append(
                Text(BELOW + cut(row.words, width - len(BELOW)), row.styles.get("", "dim"))
            )
    return Text("\n").join(lines)


def _wide(sizes: Mapping[str, int]) -> int:
    return sum(sizes.values()) + len(GAP) * (len(sizes) - 1)


def _line(row: Row, head: Sequence[str], kept: Mapping[str, int], width: int) -> Text:
    line = Text()
    for part, style in _cells(row, head, kept):
        line.append(part, style).append(GAP)
    if row.words:
        line.append(cut(row.words, width - line.cell_len), row.styles.get("", ""))
    line.rstrip()
    return line


def _cells(row: Row, head: Sequence[str], kept: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for name, cell in zip(head, row.cells, strict=True):
        if name in kept:
            yield cell + " " * (kept[name] - cell_len(cell)), row.styles.get(name, "")
