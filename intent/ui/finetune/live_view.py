"""Render a run for the visitor: its phase, progress, charts and result."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from intent.data.tables import TABLE_SUFFIXES
from intent.paths import BUNDLED, MINDS14, SAMPLE
from intent.recipes import Recipe
from intent.runs.chance_hint import plateau
from intent.runs.events import Failed, Finished, History, Progress
from intent.runs.store import LIVE_STATES, RESUMABLE, TRAINING_STATES, State
from intent.ui.shared.format import NBSP, capitalized, percent, time_in_words
from intent.ui.shared.html import alert_html, notice_html, progress_bar
from intent.ui.shared.plots import plots_html

MAX_LISTED = 200  # skipped recordings in the list
TITLES: dict[State, str] = {  # of a running run: its phase
    "prepared": "Not started",
    "queued": "Waiting in the queue",
    "stopping": "Stopping; the best checkpoint so far is kept",
    "done": "Done",
    "stopped": "Stopped",
    "out of time": "Time limit reached",
    "failed": "Failed",
    "interrupted": "Interrupted",
}
NO_RUN = "No runs yet"
INVITATION = "Choose the data and a recipe, then press Fine-tune. The run is shown here."
INTERRUPTED = (
    "The training process ended unexpectedly: it was killed, or the machine was shut down."
)


@dataclass(frozen=True)
class View:
    """Everything that is shown of a run, as HTML; a page receives only the fields that changed."""

    status: str
    progress: str
    plots: str
    result: str
    skipped: str
    is_live: bool
    has_model: bool
    is_stopping: bool = False
    can_end_now: bool = False
    can_resume: bool = False
    is_own: bool = True  # this visitor may stop and resume it
    stop_word: str = "Stop"


def empty_view(recipe: Recipe) -> View:
    """Render the panel without a run: empty charts, and what to do."""
    status = f"<h2>{NO_RUN}</h2><p>{INVITATION}</p>"
    return View(
        _status_section(status),
        progress_bar(0, ""),
        plots_html(History(), recipe),
        "",
        "",
        False,
        False,
    )


def view_of(
    run_id: str,
    recipe: Recipe,
    state: State,
    history: History,
    has_model: bool,
    stop_is_overdue: bool = False,
    notes: str = "",
    is_own: bool = True,
) -> View:
    """Render a run.

    `stop_is_overdue`: it has not stopped for a while after a request to stop; `notes`: HTML to show
    above its result; `is_own`: the visitor may stop it.
    """
    training = state in TRAINING_STATES
    can_end_now = state == "stopping" and stop_is_overdue
    return View(
        status=_status(run_id, recipe, state, history),
        progress=_progress(state, history),
        plots=plots_html(history, recipe),
        result=notes + (_result(state, history, has_model) or _plateau(state, history, recipe)),
        skipped=_skipped(history),
        is_live=state in LIVE_STATES,
        has_model=has_model and not training,
        is_stopping=state == "stopping",
        can_end_now=can_end_now,
        can_resume=is_own and state in RESUMABLE,
        is_own=is_own,
        stop_word=_stop_word(state, can_end_now),
    )


def _stop_word(state: State, can_end_now: bool) -> str:
    if can_end_now:
        return "Force stop"
    return "Remove from queue" if state == "queued" else "Stop"


def _plateau(state: State, history: History, recipe: Recipe) -> str:
    sentence = plateau(history, recipe) if state in TRAINING_STATES else None
    return f"<p class='is-note' role='status'>{escape(sentence)}</p>" if sentence else ""


def _status(run_id: str, recipe: Recipe, state: State, history: History) -> str:
    title = TITLES.get(state) or capitalized(history.phase) or "Starting"
    device = f" on {history.started.device}" if history.started else ""
    parts = (recipe.preset.capitalize(), f"from {_base(recipe)}", _data(recipe))
    what = f"{', '.join(parts)}, seed {recipe.seed}{device}"
    status = f"<h2>{escape(title)}</h2><p>{escape(what)} <code>{escape(run_id)}</code></p>"
    return _status_section(status)


def _status_section(html: str) -> str:
    return f"<section aria-label='Status of the run'>{html}</section>"


def _base(recipe: Recipe) -> str:
    if recipe.base == BUNDLED:
        return "the bundled checkpoint"
    folder = Path(recipe.base)
    return f"{folder.parent.name}/{folder.name}" if folder.is_absolute() else recipe.base


def _data(recipe: Recipe) -> str:
    if recipe.data == SAMPLE:
        return "on the bundled sample"
    if recipe.data == MINDS14:
        return f"on MInDS-14 {', '.join(recipe.locales)}"
    path = Path(recipe.data)
    return f"on the {'table' if path.suffix.lower() in TABLE_SUFFIXES else 'folder'} {path.name}"


def _progress(state: State, history: History) -> str:
    if isinstance(history.end, Finished):
        return progress_bar(1, f"Took {time_in_words(history.end.seconds)}")
    if state not in TRAINING_STATES:
        return progress_bar(0, "")
    progress = history.progress or history.learning  # the bar stays between two epochs
    if progress is None:
        return progress_bar(None, "Preparing…")
    return progress_bar(_share(progress), _facts(progress))


def _facts(progress: Progress) -> str:
    if progress.epoch is None:
        facts = [f"{progress.done} of {progress.total}"]
    else:
        facts = [f"Epoch {progress.epoch:.1f}", f"step {progress.done:g} of {progress.total:g}"]
    facts.append(f"{_speed(progress.clips_per_second)} recordings/s")
    if progress.seconds_left is not None:
        facts.append(f"{time_in_words(progress.seconds_left)} left")
    return " · ".join(facts)


def _speed(clips_per_second: float) -> str:
    return f"{clips_per_second:.0f}" if clips_per_second >= 10 else f"{clips_per_second:.1f}"


def _share(progress: Progress) -> float:
    return min(1.0, progress.done / progress.total) if progress.total else 0.0


def _result(state: State, history: History, has_model: bool) -> str:
    if isinstance(history.end, Failed) and state == "failed":
        return alert_html(history.end.message)
    if state == "interrupted":
        return notice_html(f"{INTERRUPTED} {_what_is_left(history, has_model)}")
    if isinstance(history.end, Finished) and state not in TRAINING_STATES:
        return _finished(history.end, history)
    return ""


def _what_is_left(history: History, has_model: bool) -> str:
    if not has_model:
        return "No checkpoint was saved: Resume starts the run from the beginning."
    accuracy = f" ({percent(history.saved.accuracy)} on the test set)" if history.saved else ""
    return f"Its best checkpoint so far{accuracy} can be used. Resume continues the training."


def _finished(end: Finished, history: History) -> str:
    notes = [_NOTES[end.outcome]] if end.outcome in _NOTES else []
    seen = history.started.seen_clips if history.started else 0
    duplicates = history.started.duplicate_clips if history.started else 0
    if seen:
        notes.append(f"Excluded: {_recordings(seen, 'test ')} that the base model was trained on.")
    if duplicates:
        are = "is" if duplicates == 1 else "are"
        notes.append(
            f"Excluded: {_recordings(duplicates, 'test ')} that {are} in the training set too."
        )
    if end.accuracy is None:
        figure, words = "Not measured", "There are no unseen test recordings."
    else:
        figure, words = percent(end.accuracy), _of_how_many(end)
    small = "".join(f"<p class='is-note'>{note}</p>" for note in notes)
    return (
        f"<section class='is-result' aria-label='Result'><p class='is-figure'>{figure}</p>"
        f"<p>{words}</p>{small}</section>"
    )


_NOTES = {
    "stopped": "Stopped early: the best checkpoint so far was kept.",
    "out of time": "Time limit reached: the best checkpoint so far was kept.",
}


def _of_how_many(end: Finished) -> str:
    words = f"of {_recordings(end.clips, 'test ')} classified correctly"
    if end.interval is None:
        return f"{words}."
    low, high = (f"{bound * 100:.0f}" for bound in end.interval)
    return f"{words} (95{NBSP}% confidence interval: {low} to {high}{NBSP}%)."


def _skipped(history: History) -> str:
    count = len(history.skipped)
    if not count:
        return ""
    title = f"{count} {'note' if count == 1 else 'notes'} on what was left out"
    rows = "".join(
        f"<li><b>{escape(skip.clip)}</b> {escape(skip.reason)}</li>"
        for skip in history.skipped[:MAX_LISTED]
    )
    more = f"<li>and {count - MAX_LISTED} more</li>" if count > MAX_LISTED else ""
    return f"<details class='is-skipped'><summary>{title}</summary><ul>{rows}{more}</ul></details>"


def _recordings(count: int, kind: str = "") -> str:
    return f"{count} {kind}recording{'' if count == 1 else 's'}"
