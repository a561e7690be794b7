"""The menu of checkpoints: which there are, what one says of itself, and what a visitor chose."""

import logging
from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from intent.checkpoints.resolve import describe
from intent.errors import IntentError
from intent.paths import BUNDLED, RUN_ID
from intent.runs.store import finished_runs
from intent.ui.shared import html as bars
from intent.ui.shared.requests import usable_checkpoint
from intent.ui.shared.visitors import seen_runs, told

BUNDLED_TITLE = "Bundled: Whisper tiny.en"
OURS = "Something went wrong on our side. Please try again; the server's log says more."

log = logging.getLogger(__name__)


def choices(runs: Path) -> list[tuple[str, str]]:
    """The bundled checkpoint and the finished runs, newest first, as (title, name)."""
    made_here = [(title(run.id), run.id) for run in seen_runs(finished_runs(runs))]
    return [(BUNDLED_TITLE, BUNDLED), *made_here]


def title(name: str) -> str:
    """How a person knows a checkpoint: "Run 20261122-…" for a run's, its name for any other."""
    if name == BUNDLED:
        return BUNDLED_TITLE
    return f"Run {name}" if RUN_ID.fullmatch(name) else name


def in_words(error: Exception) -> str:
    """The sentence for a failure: its own for what a user can mend; ours are logged."""
    if isinstance(error, IntentError):
        return told(str(error))
    log.error("A visitor was told that something went wrong.", exc_info=error)
    return OURS


def choose(value: str | None) -> Iterator[tuple[str, object]]:
    """Yield what the chosen checkpoint is, as HTML, and the name to remember if it can be used."""
    yield bars.about_busy_html(), gr.skip()
    try:
        name = usable_checkpoint(value)
        yield bars.about_html(describe(name)), name
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        yield bars.notice_html(in_words(error)), gr.skip()


def restore(remembered: str | None, runs: Path) -> tuple[object, str, str]:
    """The menu, what its checkpoint is, and the name to remember, for a page that opens."""
    try:
        name = usable_checkpoint(remembered)
        return gr.update(choices=choices(runs), value=name), bars.about_html(describe(name)), name
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        reason = in_words(error)
    menu = gr.update(choices=choices(runs), value=BUNDLED)
    if (remembered or BUNDLED) == BUNDLED:
        return menu, bars.notice_html(reason), BUNDLED
    notice = f"Your last choice cannot be used now, so the bundled checkpoint listens. {reason}"
    return menu, bars.notice_html(notice) + _about_bundled(), BUNDLED


def _about_bundled() -> str:
    try:
        return bars.about_html(describe(BUNDLED))
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return bars.notice_html(in_words(error))
