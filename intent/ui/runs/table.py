"""Render the list of runs: a table on a wide page, cards on a phone, with a checkbox per run."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from intent.ui.runs.rows import RunRow, ordered, size_in_words
from intent.ui.shared.format import NBSP, percent, time_in_words
from intent.ui.shared.visitors import current_visitor

JS = Path(__file__).with_name("runs_table.js").read_text(encoding="utf-8")
COLUMNS = {  # sort key → heading
    "name": "Run",
    "data": "Data",
    "base": "Base model",
    "recipe": "Recipe",
    "state": "State",
    "accuracy": "Accuracy",
    "time": "Time",
    "size": "Size",
}
SORTS = {"begun": "Created", **COLUMNS}
SHOWN_STATES = {"prepared": "Not started", "out of time": "Time limit reached"}
EMPTY = (
    "<p class='rn-empty'><b>No runs yet.</b> Fine-tuning runs are listed here with their reports and "
    "can be compared.</p>"
)


def table_html(
    rows: Sequence[RunRow], selected: Collection[str], sort: str, descending: bool
) -> str:
    """Return the sorted runs with the selected ones checked; an explanation if there are none."""
    if not rows:
        return EMPTY
    body = "".join(_row(row, row.id in selected) for row in ordered(rows, sort, descending))
    heads = "".join(_heading(key, title, sort, descending) for key, title in COLUMNS.items())
    return (
        f"{_bar(len(rows), len(selected), sort, descending)}"
        "<table class='rn-table' role='table' aria-label='Runs'><thead role='rowgroup'>"
        f"<tr role='row'><th role='columnheader' scope='col'><span class='rn-unseen'>Select</span></th>"
        f"{heads}</tr></thead><tbody role='rowgroup'>{body}</tbody></table>"
    )


def begun_in_words(run_id: str) -> str:
    """Return when a run was created as "25 Nov, 16:01", in the server's time zone."""
    try:
        created = datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).astimezone()
    except ValueError:
        return ""
    return f"{created.day}{NBSP}{created:%b}, {created:%H:%M}"


def interval_html(accuracy: float, interval: tuple[float, float] | None) -> str:
    """Return an accuracy as a dot on a scale of 0 to 100 %, and its 95 % interval as a line."""
    low, high = interval or (accuracy, accuracy)
    return (
        f"<span class='rn-interval' aria-hidden='true'><i style='left:{low:.1%};"
        f"width:{high - low:.1%}'></i><b style='left:{accuracy:.1%}'></b></span>"
    )


def bounds_in_words(interval: tuple[float, float]) -> str:
    """Return an interval as "85 to 95 %"."""
    low, high = (f"{bound * 100:.0f}" for bound in interval)
    return f"{low} to {high}{NBSP}%"


def _bar(count: int, selected: int, sort: str, descending: bool) -> str:
    status = f"{count} {'run' if count == 1 else 'runs'}"
    if selected:
        clear = "<button type='button' data-clear data-focus='clear'>Clear</button>"
        status += f", {selected} selected {clear}"
    elif count > 1:
        status += ". Click a name to open a run, or select several to compare them."
    options = "".join(
        f"<option value='{key}'{' selected' if key == sort else ''}>{title}</option>"
        for key, title in SORTS.items()
    )
    way, arrow = ("descending", "↓") if descending else ("ascending", "↑")
    return (
        f"<div class='rn-bar'><p role='status'>{status}</p><div class='rn-order'><label>Sort by "
        f"<select data-focus='sort'>{options}</select></label><button type='button' "
        f"data-sort='{sort}' data-focus='sort-way' title='Reverse the order' "
        f"aria-label='Reverse the order, now {way}'>{arrow}</button></div></div>"
    )


def _heading(key: str, title: str, sort: str, descending: bool) -> str:
    way = ("descending" if descending else "ascending") if key == sort else "none"
    return (
        f"<th role='columnheader' scope='col' aria-sort='{way}'><button type='button' "
        f"data-sort='{key}' data-focus='sort-{key}'>{title}</button></th>"
    )


def _row(row: RunRow, selected: bool) -> str:
    name = escape(row.name, quote=True)
    begun = begun_in_words(row.id)
    if row.is_own and not current_visitor().is_owner:  # listed among other visitors' runs
        begun += " · yours"
    checked = " checked" if selected else ""
    cells = {
        "Data": escape(row.data),
        "Base model": escape(row.base),
        "Recipe": escape(row.recipe),
        "State": _state(row),
        "Accuracy": _accuracy(row),
        "Time": "–" if row.seconds is None else time_in_words(row.seconds),
        "Size": size_in_words(row.bytes),
    }
    rest = "".join(
        f"<td role='cell' class='rn-{title.split()[0].lower()}'>{value}</td>"
        for title, value in cells.items()
    )
    return (
        f"<tr role='row' data-open='{row.id}' class='{'is-selected' if selected else ''}'>"
        f"<td role='cell' class='rn-pick'><label><input type='checkbox' data-id='{row.id}' "
        f"data-focus='pick-{row.id}' aria-label='Select {name}, {begun_in_words(row.id)}'{checked}>"
        f"</label></td><th role='rowheader' scope='row'><button type='button' "
        f"data-focus='open-{row.id}'>{name}</button> <small>{begun}</small></th>"
        f"{rest}</tr>"
    )


def _state(row: RunRow) -> str:
    kind, shown = row.state.replace(" ", "-"), SHOWN_STATES.get(row.state, row.state.capitalize())
    return f"<span class='rn-badge is-{kind}'>{escape(shown)}</span>"


def _accuracy(row: RunRow) -> str:
    if row.accuracy is None:
        return "–"
    if row.interval is None:
        so_far = "so far" if row.state != "done" else ""
        return f"<span>{percent(row.accuracy)} <small>{so_far}</small></span>"
    words = f"95{NBSP}% confidence interval: {bounds_in_words(row.interval)}"
    return (
        f"<span title='{words}'>{percent(row.accuracy)} <small>{bounds_in_words(row.interval)}"
        f"</small></span>{interval_html(row.accuracy, row.interval)}"
    )
