"""The menu of checkpoints: its choices, their descriptions, and the choice stored in the browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from intent.checkpoints.resolve import describe
from intent.errors import IntentError
from intent.paths import BUNDLED, RUN_ID
from intent.runs.store import finished_runs
from intent.ui.shared.html import about_busy_html, about_error_html, about_html
from intent.ui.shared.requests import usable_checkpoint
from intent.ui.shared.visitors import visible_runs
from intent.ui.shared.wiring import Updates, sentence_of

BUNDLED_TITLE = "Bundled: Whisper tiny.en"


@dataclass(frozen=True)
class CheckpointMenu:
    """The components of the menu."""

    checkpoint: gr.Dropdown
    about: gr.HTML
    remembered: gr.BrowserState


def choices(runs: Path) -> list[tuple[str, str]]:
    """Return the bundled checkpoint and the finished runs, newest first, as (title, name)."""
    from_runs = [(title(run.id), run.id) for run in visible_runs(finished_runs(runs))]
    return [(BUNDLED_TITLE, BUNDLED), *from_runs]


def title(name: str) -> str:
    """Return a checkpoint's title: "Run 20261122-…" for a run's model, else its name."""
    if name == BUNDLED:
        return BUNDLED_TITLE
    return f"Run {name}" if RUN_ID.fullmatch(name) else name


def describe_chosen(menu: CheckpointMenu, value: str | None) -> Iterator[Updates]:
    """Yield the chosen checkpoint's description, and remember its name if it can be used."""
    yield {menu.about: about_busy_html()}
    name = usable_checkpoint(value)
    yield {menu.about: about_html(describe(name)), menu.remembered: name}


def restore(menu: CheckpointMenu, runs: Path, remembered: str | None) -> Updates:
    """Select the checkpoint that the browser remembers, or the bundled one if that fails."""
    name = remembered or BUNDLED
    try:
        name = usable_checkpoint(remembered)
        about = about_html(describe(name))
    except IntentError as error:
        about = _about_fallback(name, sentence_of(error))
        name = BUNDLED
    # The bundled one is selected already: setting it again could undo a choice made meanwhile.
    update = gr.update(choices=choices(runs))
    if name != BUNDLED:
        update["value"] = name
    return {
        menu.checkpoint: update,
        menu.about: about,
        menu.remembered: name,
    }


def _about_fallback(failed: str, reason: str) -> str:
    if failed == BUNDLED:
        return about_error_html(reason)
    notice = f"Your last checkpoint cannot be used, so the bundled one is selected. {reason}"
    return about_html(describe(BUNDLED), notice)
