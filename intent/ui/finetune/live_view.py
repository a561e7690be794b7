"""A run as a visitor sees it: what happens now, how far it is, its charts and its end, in words."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from intent.paths import BUNDLED
from intent.recipes import Recipe
from intent.runs.chance_hint import plateau
from intent.runs.events import Failed, Finished, History, Progress
from intent.runs.store import RESUMABLE, TRAINING_STATES, State
from intent.ui.shared.plots import plots_html

CSS = Path(__file__).with_name("finetune.css").read_text(encoding="utf-8")
NBSP = "\u00a0"
MAX_LISTED = 200  # skipped recordings in the list
TITLES = {
    "prepared": "Not begun",
    "queued": "Waiting in the queue",
    "stopping": "Stopping, and keeping the best so far",
    "done": "Done",
    "stopped": "Stopped",
    "out of time": "Out of time",
    "failed": "This did not work",
    "interrupted": "Interrupted",
}
NOTHING_YET = "Nothing has been fine-tuned here yet"
INVITATION = "Choose what to train, press Fine-tune, and watch it learn here."
INTERRUPTED = (
    "The training process ended before it was done, perhaps because it was killed or the machine "
    "went down."
)


@dataclass(frozen=True)
class View:
    """All that is shown of a run, as HTML; a page sends a part only when it has changed."""

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
    """Return what is shown where there is no run: axes, and what to do."""
    status = f"<h2>{NOTHING_YET}</h2><p>{INVITATION}</p>"
    return View(status, progress_bar(0, ""), plots_html(History(), recipe), "", "", False, False)


def view_of(
    run_id: str,
    recipe: Recipe,
    state: State,
    history: History,
    has_model: bool,
    unheeded: bool,
    notes: str = "",
    is_own: bool = True,
) -> View:
    """Return what is shown of a run; `unheeded`: it was asked to stop a while ago, and has not.

    `notes` is what else there is to say of it, as HTML; `is_own`: the visitor may stop it.
    """
    live = state in TRAINING_STATES
    can_end_now = state == "stopping" and unheeded
    return View(
        status=_status(run_id, recipe, state, history),
        progress=_progress(state, history),
        plots=plots_html(history, recipe),
        result=notes + (_result(state, history, has_model) or _plateau(state, history, recipe)),
        skipped=_skipped(history),
        is_live=live or state == "queued",
        has_model=has_model and not live,
        is_stopping=state == "stopping",
        can_end_now=can_end_now,
        can_resume=is_own and state in RESUMABLE,
        is_own=is_own,
        stop_word="End now" if can_end_now else "Withdraw" if state == "queued" else "Stop",
    )


def _plateau(state: State, history: History, recipe: Recipe) -> str:
    sentence = plateau(history, recipe) if state in TRAINING_STATES else None
    return f"<p class='is-note' role='status'>{escape(sentence)}</p>" if sentence else ""


def time_in_words(seconds: float) -> str:
    """Return a duration as one says it: "a few seconds", "40 seconds", "3 minutes", "1 h 5 min"."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 55:
        return f"{5 * round(seconds / 5)} seconds"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes // 60}{NBSP}h {minutes % 60}{NBSP}min"


def percent(share: float) -> str:
    """Return a share as "91.2 %"."""
    return f"{share * 100:.1f}{NBSP}%"


def _status(run_id: str, recipe: Recipe, state: State, history: History) -> str:
    title = TITLES.get(state) or _capital(history.phase) or "Starting"
    where = f" on {history.started.device}" if history.started else ""
    parts = (recipe.preset.capitalize(), f"from {_base(recipe)}", _data(recipe))
    what = f"{', '.join(parts)}, seed {recipe.seed}{where}"
    return f"<h2>{escape(title)}</h2><p>{escape(what)} <code>{escape(run_id)}</code></p>"


def _base(recipe: Recipe) -> str:
    if recipe.base == BUNDLED:
        return "the bundled checkpoint"
    folder = Path(recipe.base)
    return f"{folder.parent.name}/{folder.name}" if folder.is_absolute() else recipe.base


def _data(recipe: Recipe) -> str:
    if recipe.data == "sample":
        return "on the bundled sample"
    if recipe.data == "minds14":
        return f"on MInDS-14 {', '.join(recipe.locales)}"
    return f"on the folder {Path(recipe.data).name}"


def _progress(state: State, history: History) -> str:
    if isinstance(history.end, Finished):
        return progress_bar(1, f"{_capital(time_in_words(history.end.seconds))} of work")
    if state not in TRAINING_STATES:
        return progress_bar(0, "")
    progress = history.progress or history.learning  # between two epochs the bar stays
    if progress is None:
        return progress_bar(None, "One moment…")
    return progress_bar(_share(progress), _facts(progress))


def _facts(progress: Progress) -> str:
    if progress.epoch is None:
        facts = [f"{progress.done} of {progress.total}"]
    else:
        facts = [f"Epoch {progress.epoch:.1f}", f"step {progress.done:g} of {progress.total:g}"]
    facts.append(f"{_pace(progress.clips_per_second)} recordings/s")
    if progress.seconds_left is not None:
        facts.append(f"{time_in_words(progress.seconds_left)} left")
    return " · ".join(facts)


def _pace(clips_per_second: float) -> str:
    return f"{clips_per_second:.0f}" if clips_per_second >= 10 else f"{clips_per_second:.1f}"


def _share(progress: Progress) -> float:
    return min(1.0, progress.done / progress.total) if progress.total else 0.0


def progress_bar(share: float | None, facts: str) -> str:
    """A progress bar; a share of None is one whose end is not known yet."""
    value = "" if share is None else f"aria-valuenow='{share * 100:.0f}'"
    kind = "is-unknown" if share is None else ""
    return (
        f"<div class='is-progress {kind}' role='progressbar' aria-label='Progress of this phase' "
        f"aria-valuemin='0' aria-valuemax='100' {value} "
        f"aria-valuetext='{escape(facts, quote=True)}'>"
        f"<i style='width:{share or 0:.1%}'></i></div><p>{escape(facts) or NBSP}</p>"
    )


def _result(state: State, history: History, has_model: bool) -> str:
    if isinstance(history.end, Failed) and state == "failed":
        return f"<div class='notice' role='alert'><p>{escape(history.end.message)}</p></div>"
    if state == "interrupted":
        return f"<div class='notice'><p>{INTERRUPTED} {_what_is_left(history, has_model)}</p></div>"
    if isinstance(history.end, Finished) and state not in TRAINING_STATES:
        return _finished(history.end, history)
    return ""


def _what_is_left(history: History, has_model: bool) -> str:
    if not has_model:
        return "Nothing had been saved yet: Resume begins it again."
    known = f", with {percent(history.saved.accuracy)} on the test part" if history.saved else ""
    return f"Its best checkpoint so far is whole{known}: it can be used. Resume goes on from it."


def _finished(end: Finished, history: History) -> str:
    notes = [_NOTES[end.outcome]] if end.outcome in _NOTES else []
    seen = history.started.seen_clips if history.started else 0
    if seen:
        notes.append(
            f"{seen} test {_recordings(seen)} left out: the base has already learnt from "
            f"{'it' if seen == 1 else 'them'}."
        )
    if end.accuracy is None:
        figure, words = "No test figure", "There was no test recording that is new to it."
    else:
        figure, words = percent(end.accuracy), _of_how_many(end)
    small = "".join(f"<p class='is-note'>{note}</p>" for note in notes)
    return f"<div class='is-result'><p class='is-figure'>{figure}</p><p>{words}</p>{small}</div>"


_NOTES = {
    "stopped": "It was stopped before its end; this is the best checkpoint so far.",
    "out of time": "Its time was up before its end; this is the best checkpoint so far.",
}


def _of_how_many(end: Finished) -> str:
    words = f"of {end.clips} test recordings heard correctly"
    if end.interval is None:
        return f"{words}."
    low, high = (f"{bound * 100:.0f}" for bound in end.interval)
    return f"{words}. With 95{NBSP}% confidence, {low} to {high}{NBSP}% of all such recordings."


def _skipped(history: History) -> str:
    count = len(history.skipped)
    if not count:
        return ""
    rows = "".join(
        f"<li><b>{escape(skip.clip)}</b> {escape(skip.reason)}</li>"
        for skip in history.skipped[:MAX_LISTED]
    )
    more = f"<li>and {count - MAX_LISTED} more</li>" if count > MAX_LISTED else ""
    return (
        f"<details class='is-skipped'><summary>{count} {_recordings(count)} left out, since "
        f"{'it' if count == 1 else 'they'} could not be read</summary>"
        f"<ul>{rows}{more}</ul></details>"
    )


def _recordings(count: int) -> str:
    return "recording was" if count == 1 else "recordings were"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
