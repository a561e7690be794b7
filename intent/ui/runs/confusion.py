"""Render the confusion matrix as a heat map: rows are true labels, columns predicted ones."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from intent.labels import human_name
from intent.runs.report import Report

JS = Path(__file__).with_name("confusion.js").read_text(encoding="utf-8")
HAS_NONE, IS_NONE = " has-none", " class='is-none'"  # set apart from the intents
HINT = "Point at a cell, or move to it with the arrow keys, to read it. Click it to list its recordings."


def confusion_html(report: Report) -> str:
    """Return the matrix as a table of buttons; empty without test recordings.

    The reject label is last, and has a row only if there are recordings with it.
    """
    if not report.confusion:
        return ""
    labels, matrix = shown_labels(report), _shown_matrix(report)
    names = [human_name(label, report.reject_label) for label in labels]
    heads = "".join(f"<th scope='col'><span>{escape(name)}</span></th>" for name in names)
    first = _first_filled(matrix)
    rows = "".join(
        f"<tr{IS_NONE if labels[row] == report.reject_label else ''}><th scope='row'>"
        f"{escape(names[row])}</th>{_cells(row, names, counts, first)}</tr>"
        for row, counts in enumerate(matrix)
    )
    return (
        "<h3>Confusion matrix</h3>"
        f"<p class='is-quiet rn-caption' role='status'>{HINT}</p><div class='rn-scroll'>"
        f"<table class='rn-confusion{HAS_NONE if report.reject_label else ''}' "
        "aria-label='Confusion matrix: rows are true labels, columns are predicted labels'>"
        "<thead><tr><th><span class='rn-axes'>True label ↓<br>Predicted label →</span></th>"
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def shown_labels(report: Report) -> tuple[str, ...]:
    """Return the labels in the order of the table: the reject label after the intents."""
    return tuple(sorted(report.labels, key=lambda label: label == report.reject_label))


def _shown_matrix(report: Report) -> list[list[int]]:
    """Return the counts in the order of `shown_labels`, without an empty row of the reject label."""
    ids = [report.labels.index(label) for label in shown_labels(report)]
    return [
        [report.confusion[row][column] for column in ids]
        for row in ids
        if report.labels[row] != report.reject_label or any(report.confusion[row])
    ]


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
