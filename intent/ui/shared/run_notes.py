"""What there is to say of a run besides its course: who waits, and that memory was short."""

from html import escape

from intent.runs.directory import RunDir
from intent.runs.events import History, halved_in_words
from intent.runs.live import live_run, queued_runs
from intent.runs.store import LIVE_STATES
from intent.ui.shared.visitors import may

HIDDEN = "a run that is not shown here"
OTHERS = (
    "Somebody else started this run. You can look at it and use its model; stopping, resuming, "
    "renaming and removing are theirs."
)


def notes_html(run: RunDir, state: str, history: History) -> str:
    """Return the notes on a run as HTML; "" where there are none."""
    notes = [f"<p>{escape(halved_in_words(history.halved))}</p>"] if history.halved else []
    notes += [others_html(run), _queue(run, state)]
    return "".join(f"<div class='is-note' role='status'>{note}</div>" for note in notes if note)


def others_html(run: RunDir) -> str:
    """Return that a run is somebody else's, where it is."""
    return "" if may("stop", run) else f"<p>{OTHERS}</p>"


def _queue(run: RunDir, state: str) -> str:
    """Who waits, where this run does or others wait behind it."""
    if state not in LIVE_STATES:
        return ""
    waiting = queued_runs(run.path.parent)
    if not waiting:
        return ""
    if run in waiting:
        live = live_run(run.path.parent)
        behind = f", behind {_name(live)}, which trains now" if live else ""
        words = f"Number {waiting.index(run) + 1} of {len(waiting)} in the queue{behind}. "
        words += "It begins by itself; Withdraw takes it out."
    else:
        words = "Waiting behind this run:"
    return f"<p>{escape(words)}</p><ol>{''.join(_row(one, run) for one in waiting)}</ol>"


def _name(run: RunDir) -> str:
    return f"{run.name} ({run.id})" if may("read", run) else HIDDEN


def _row(run: RunDir, shown: RunDir) -> str:
    text = HIDDEN.capitalize()
    if may("read", run):
        text = f"{escape(run.name)} <code>{escape(run.id)}</code>"
    return f"<li><b>{text}</b></li>" if run == shown else f"<li>{text}</li>"
