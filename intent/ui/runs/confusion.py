"""The confusion matrix as a heat map: what was said, what was heard, how often."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from intent.labels import human_name

JS = Path(__file__).with_name("confusion.js").read_text(encoding="utf-8")
HINT = "Point at a square, or go there with the arrow keys; a click lists its recordings."


def confusion_html(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Return the map; a row is what was said, a column what was heard, empty where none was."""
    if not matrix:
        return ""
    names = [human_name(label) for label in labels]
    heads = "".join(f"<th scope='col'><span>{escape(name)}</span></th>" for name in names)
    first = _first(matrix)
    rows = "".join(
        f"<tr><th scope='row'>{escape(names[row])}</th>{_cells(row, names, counts, first)}</tr>"
        for row, counts in enumerate(matrix)
    )
    return (
        "<h3>What it takes for what</h3>"
        f"<p class='is-quiet rn-caption' data-caption aria-live='polite'>{HINT}</p>"
        "<div class='rn-scroll'><table class='rn-confusion' aria-label='Confusion matrix: a row is "
        "what was said, a column what was heard'><thead><tr><th><span class='rn-axes'>said ↓ "
        f"heard →</span></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def pair_in_words(said: str, heard: str, count: int) -> str:
    """Return one square of the map as a sentence, its labels as people say them."""
    times = f"{count} {'recording' if count == 1 else 'recordings'}"
    if said == heard:
        return f"“{said}”, heard rightly: {times}"
    return f"“{said}”, heard as “{heard}”: {times}"


def _first(matrix: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The square that the Tab key leads to."""
    filled = ((r, c) for r, counts in enumerate(matrix) for c, count in enumerate(counts) if count)
    return next(filled, (0, 0))


def _cells(row: int, names: Sequence[str], counts: Sequence[int], first: tuple[int, int]) -> str:
    total = max(1, sum(counts))
    cells = []
    for column, count in enumerate(counts):
        kind = "is-right" if column == row else "is-wrong"
        if not count:
            cells.append(f"<td class='{kind}'></td>")
            continue
        words = escape(pair_in_words(names[row], names[column], count), quote=True)
        cells.append(
            f"<td class='{kind}'><button type='button' data-cell='{row},{column}' "
            f"tabindex='{0 if (row, column) == first else -1}' title='{words}' "
            f"aria-label='{words}' style='--share:{count / total:.2f}'>{count}</button></td>"
        )
    return "".join(cells)
