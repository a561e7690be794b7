"""Render the confusion matrix as a heat map: rows are true labels, columns predicted ones."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from intent.labels import human_name

JS = Path(__file__).with_name("confusion.js").read_text(encoding="utf-8")
HINT = "Point at a cell, or move to it with the arrow keys, to read it. Click it to list its recordings."


def confusion_html(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Return the matrix as a table of buttons; empty without test recordings."""
    if not matrix:
        return ""
    names = [human_name(label) for label in labels]
    heads = "".join(f"<th scope='col'><span>{escape(name)}</span></th>" for name in names)
    first = _first_filled(matrix)
    rows = "".join(
        f"<tr><th scope='row'>{escape(names[row])}</th>{_cells(row, names, counts, first)}</tr>"
        for row, counts in enumerate(matrix)
    )
    return (
        "<h3>Confusion matrix</h3>"
        f"<p class='is-quiet rn-caption' role='status'>{HINT}</p>"
        "<div class='rn-scroll'><table class='rn-confusion' aria-label='Confusion matrix: rows are "
        "true labels, columns are predicted labels'><thead><tr><th><span class='rn-axes'>"
        f"True label ↓<br>Predicted label →</span></th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def pair_in_words(true: str, predicted: str, count: int) -> str:
    """Return one cell of the matrix in words, given the readable names of its labels."""
    recordings = f"{count} {'recording' if count == 1 else 'recordings'}"
    if true == predicted:
        return f"“{true}”, predicted correctly: {recordings}"
    return f"“{true}”, predicted as “{predicted}”: {recordings}"


def _first_filled(matrix: Sequence[Sequence[int]]) -> tuple[int, int]:
    """Return the cell that gets the focus by the Tab key."""
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
