"""Render several runs side by side: accuracies, significance tests, curves and recipes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from intent.labels import NONE_OF_THESE
from intent.recipes import NOT_READ, Recipe, value_read
from intent.runs.compare import differences, in_words, mcnemar
from intent.runs.events import History
from intent.runs.report import Report
from intent.ui.finetune.recipe_form import WORDS, field_names
from intent.ui.runs.overlay import MAX_RUNS, overlay_html
from intent.ui.runs.rows import RunRow
from intent.ui.runs.table import begun_in_words, bounds_in_words, interval_html
from intent.ui.shared.format import NBSP, percent

NO_PREDICTIONS = "its report has no predictions per recording."
OTHER_WORDS = {
    "preset": "Recipe",
    "data": "Data",
    "locales": "Locales",
    "base": "Base model",
    "reject_label": f"Label for “{NONE_OF_THESE}”",
}


@dataclass(frozen=True)
class Compared:
    """A run in a comparison; `report` is None if it has none."""

    row: RunRow
    recipe: Recipe
    history: History
    report: Report | None


def compare_html(runs: Sequence[Compared]) -> str:
    """Return the comparison of two or more runs."""
    names = distinct_names([run.row for run in runs])
    curves = [(name, run.history, run.recipe) for name, run in zip(names, runs, strict=True)]
    return (
        f"<h2 tabindex='-1'>{len(runs)} runs compared</h2>"
        f"<section><h3>Accuracy</h3>{_accuracies(names, runs)}</section>"
        f"<section><h3>Is the difference significant?</h3>{_verdicts(names, runs)}</section>"
        f"<section>{overlay_html(curves)}</section>"
        f"<section><h3>Recipes</h3>{recipes_html(names, [run.recipe for run in runs])}</section>"
    )


def distinct_names(rows: Sequence[RunRow]) -> list[str]:
    """Return the name of each run, with its creation time if another run has the same name."""
    counts = Counter(row.name for row in rows)
    timed = [
        f"{row.name} ({begun_in_words(row.id)})" if counts[row.name] > 1 else row.name
        for row in rows
    ]
    again = Counter(timed)
    return [
        f"{row.name} ({row.id[-4:]})" if again[name] > 1 else name
        for row, name in zip(rows, timed, strict=True)
    ]


def verdicts(names: Sequence[str], runs: Sequence[Compared]) -> list[str]:
    """Return a sentence that compares each run with the best, and one per run without predictions."""
    complete: list[tuple[str, Report]] = []
    incomplete: list[str] = []
    for name, run in zip(names, runs, strict=True):
        if run.report is not None and run.report.is_whole and run.report.clips:
            complete.append((name, run.report))
        else:
            incomplete.append(f"{name} cannot be compared recording by recording: {NO_PREDICTIONS}")
    if len(complete) < 2:
        return incomplete
    best_name, best = max(complete, key=lambda one: one[1].accuracy or 0.0)
    tested = [
        in_words(best_name, name, mcnemar(best.clips, report.clips))
        for name, report in complete
        if report is not best
    ]
    return tested + incomplete


def recipes_html(names: Sequence[str], recipes: Sequence[Recipe]) -> str:
    """Return the recipes as columns of a table; fields that differ are marked and come first."""
    different = {one.field for one in differences(recipes)}
    fields = [*OTHER_WORDS, *field_names()]
    heads = "".join(
        f"<th scope='col'><i class='rn-dot is-run-{number % MAX_RUNS + 1}' aria-hidden='true'></i>"
        f"{escape(name)}</th>"
        for number, name in enumerate(names)
    )
    marked = [_field(field, recipes, True) for field in fields if field in different]
    same = [_field(field, recipes, False) for field in fields if field not in different]
    note = (
        f"{len(marked)} of {len(fields)} fields differ. They are marked and listed first."
        if marked
        else "All fields are the same."
    )
    return (
        f"<p class='is-quiet'>{note}</p><div class='rn-scroll' role='region' tabindex='0' "
        "aria-label='Recipes side by side'><table class='rn-recipes'><thead><tr><th scope='col'>"
        f"Field</th>{heads}</tr></thead><tbody>{''.join(marked)}{''.join(same)}</tbody></table>"
        "</div>"
    )


def _accuracies(names: Sequence[str], runs: Sequence[Compared]) -> str:
    rows = "".join(
        f"<li class='is-run-{number % MAX_RUNS + 1}'><span class='rn-name'><i class='rn-dot' "
        f"aria-hidden='true'></i>{escape(name)}</span>{_accuracy(run.row)}</li>"
        for number, (name, run) in enumerate(zip(names, runs, strict=True))
    )
    scale = "".join(f"<span>{mark}</span>" for mark in ("0", "25", "50", "75", f"100{NBSP}%"))
    return (
        f"<p class='is-quiet'>The dot is the accuracy on the test set, the line its 95{NBSP}% "
        f"confidence interval.</p><ol class='rn-accuracies'>{rows}"
        f"<li class='rn-scale' aria-hidden='true'><p>{scale}</p></li></ol>"
    )


def _accuracy(row: RunRow) -> str:
    if row.accuracy is None:
        return "<b>–</b><small>not evaluated yet</small>"
    words = bounds_in_words(row.interval) if row.interval else "so far"
    return (
        f"<b>{percent(row.accuracy)}</b><small>{words}</small>"
        f"{interval_html(row.accuracy, row.interval)}"
    )


def _verdicts(names: Sequence[str], runs: Sequence[Compared]) -> str:
    sentences = verdicts(names, runs)
    note = ""
    if len(sentences) > 1:
        note = (
            "<p class='is-quiet'>Each run is compared with the most accurate one. About one in "
            "twenty comparisons of equally good runs looks significant by chance.</p>"
        )
    return "".join(f"<p class='rn-verdict'>{escape(sentence)}</p>" for sentence in sentences) + note


def _field(field: str, recipes: Sequence[Recipe], differs: bool) -> str:
    title = OTHER_WORDS.get(field) or WORDS.get(field, (field.replace("_", " ").capitalize(),))[0]
    mark = "<span class='rn-unseen'> (differs)</span>" if differs else ""
    cells = "".join(_cell(value_read(recipe, field)) for recipe in recipes)
    return (
        f"<tr class='{'is-different' if differs else ''}'><th scope='row' title='{field}'>"
        f"{escape(title)}{mark}</th>{cells}</tr>"
    )


def _cell(value: object) -> str:
    mark = " class='is-not-read'" if value == NOT_READ else ""
    return f"<td{mark}>{escape(_value(value))}</td>"


def _value(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
