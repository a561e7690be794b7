"""Render the notes on a run: its place in the queue, its owner, and a reduced batch size."""

from html import escape

from intent.runs.directory import RunDir
from intent.runs.events import History, halved_in_words
from intent.runs.live import live_run, queued_runs
from intent.runs.store import LIVE_STATES
from intent.ui.shared.visitors import may

HIDDEN = "Another visitor’s run"
OTHERS = (
    "Another visitor started this run. You can view it and use its model, but only that visitor can "
    "stop, resume, rename or remove it."
)


def notes_html(run: RunDir, state: str, history: History) -> str:
    """Render the notes on a run; "" if there are none."""
    notes = [f"<p>{escape(sentence)}</p>" for sentence in history.notices]
    notes += [f"<p>{escape(halved_in_words(history.halved))}</p>"] if history.halved else []
    notes += [others_html(run), _queue(run, state)]
    return "".join(f"<div class='is-note' role='status'>{note}</div>" for note in notes if note)


def others_html(run: RunDir) -> str:
    """Render the note that another visitor started a run; "" for the visitor's own."""
    return "" if may("stop", run) else f"<p>{OTHERS}</p>"


def _queue(run: RunDir, state: str) -> str:
    """Render the queue if this run is in it, or if others wait for this run to end."""
    if state not in LIVE_STATES:
        return ""
    waiting = queued_runs(run.path.parent)
    if not waiting:
        return ""
    if run in waiting:
        live = live_run(run.path.parent)
        words = f"Position {waiting.index(run) + 1} of {len(waiting)} in the queue. "
        words += f"{_run_name(live)} is training. " if live else ""
        words += "This run starts automatically."
    else:
        words = "Queued after this run:"
    return f"<p>{escape(words)}</p><ol>{''.join(_row(one, run) for one in waiting)}</ol>"


def _run_name(run: RunDir) -> str:
    return f"{run.name} ({run.id})" if may("read", run) else HIDDEN


def _row(run: RunDir, shown: RunDir) -> str:
    text = HIDDEN
    if may("read", run):
        text = f"{escape(run.name)} <code>{escape(run.id)}</code>"
    return f"<li><b>{text}</b></li>" if run == shown else f"<li>{text}</li>"
