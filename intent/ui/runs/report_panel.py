"""What is picked in the list: one run's report with recordings that play, or several compared."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from intent.data.find_clip import find_clip
from intent.errors import DataError
from intent.runs.report import read_report
from intent.ui.finetune.data_view import PICK, WAVE
from intent.ui.finetune.recipe_form import notice
from intent.ui.runs.clips_list import JS as CLIPS_JS
from intent.ui.runs.clips_list import said_html
from intent.ui.runs.confusion import JS as CONFUSION_JS
from intent.ui.runs.share_panel import build_share_panel
from intent.ui.runs.view import Page
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.recordings import wav_file
from intent.ui.shared.requests import usable_data
from intent.ui.shared.visitors import open_run

Updates = tuple[object, ...]


@dataclass(frozen=True)
class Naming:
    """The components that give a run another name."""

    row: gr.Row
    name: gr.Textbox
    save: gr.Button
    cancel: gr.Button


@dataclass(frozen=True)
class ReportPanel:
    """The components of what is picked; `run_id` is "" unless one run with a model is."""

    detail: gr.Column
    summary: gr.HTML
    use: gr.Button
    resume: gr.Button
    stop: gr.Button
    rename: gr.Button
    remove: gr.Button
    naming: Naming
    curves_card: gr.Column
    curves: gr.HTML
    wrong_card: gr.Column
    confusion: gr.HTML
    clips: gr.HTML
    heard: gr.HTML
    player: gr.Audio
    figures_card: gr.Column
    figures: gr.HTML
    share_card: gr.Column
    run_id: gr.State

    def outputs(self) -> list[gr.blocks.Block]:
        """Return the components in the order of `changes`."""
        return [
            self.summary,
            self.curves,
            self.confusion,
            self.clips,
            self.figures,
            self.detail,
            self.curves_card,
            self.wrong_card,
            self.figures_card,
            self.share_card,
            self.use,
            self.resume,
            self.stop,
            self.rename,
            self.remove,
            self.naming.row,
            self.naming.name,
            self.heard,
            self.player,
            self.run_id,
        ]


def build_report_panel(runs: Path) -> ReportPanel:
    """Lay the panel out inside the present Blocks, with nothing picked."""
    run_id = gr.State("")
    with gr.Column(visible=False, elem_id="run-detail") as detail:
        with gr.Column(elem_id="run-card", elem_classes="card"):
            summary = gr.HTML(elem_id="run-summary")
            with gr.Row(elem_id="run-actions"):
                use = gr.Button("Use this model", variant="primary", visible=False)
                resume = gr.Button("Resume", visible=False)
                stop = gr.Button("Stop", visible=False)
                rename = gr.Button("Rename", visible=False)
                remove = gr.Button("Remove", visible=False)
            naming = _build_naming()
        with gr.Column(visible=False, elem_classes="card") as curves_card:
            curves = gr.HTML(elem_id="run-curves")
        with gr.Column(visible=False, elem_id="run-wrong", elem_classes="card") as wrong_card:
            confusion = gr.HTML(elem_id="run-confusion", js_on_load=CONFUSION_JS)
            with gr.Row(elem_id="run-heard"):
                with gr.Column(scale=3, min_width=280):
                    clips = gr.HTML(elem_id="run-clips", js_on_load=CLIPS_JS)
                with gr.Column(scale=2, min_width=260, elem_id="run-listen"):
                    heard = gr.HTML(PICK)
                    player = gr.Audio(
                        type="filepath",
                        format=None,
                        interactive=False,
                        label="Recording",
                        autoplay=True,
                        buttons=[],
                        elem_id="run-player",
                        waveform_options=WAVE,
                    )
        with gr.Column(visible=False, elem_classes="card") as figures_card:
            figures = gr.HTML(elem_id="run-figures")
        with gr.Column(visible=False, elem_classes="card") as share_card:
            build_share_panel(runs, run_id)
    return ReportPanel(
        detail,
        summary,
        use,
        resume,
        stop,
        rename,
        remove,
        naming,
        curves_card,
        curves,
        wrong_card,
        confusion,
        clips,
        heard,
        player,
        figures_card,
        figures,
        share_card,
        run_id,
    )


def changes(old: Page | None, new: Page) -> Updates:
    """Return what each component of the panel gets: gr.skip() for what the page has already."""

    def part(name: str) -> object:
        value = getattr(new, name)
        return gr.skip() if old is not None and getattr(old, name) == value else value

    def shown(visible: object, visible_before: object) -> object:
        same = old is not None and bool(visible) == bool(visible_before)
        return gr.skip() if same else gr.update(visible=bool(visible))

    before = old or Page("", "")
    another = old is None or old.one != new.one
    return (
        *(part(name) for name in ("summary", "curves", "confusion", "clips", "figures")),
        shown(new.picked, before.picked),
        shown(new.curves, before.curves),
        shown(new.confusion, before.confusion),
        shown(new.figures, before.figures),
        shown(new.can_use, before.can_use),  # what can be shared
        shown(new.can_use, before.can_use),
        shown(new.can_resume, before.can_resume),
        _stop(old, new),
        shown(new.can_rename, before.can_rename),
        shown(new.can_remove, before.can_remove),
        shown(new.naming, before.naming),
        new.name if new.naming and not before.naming else gr.skip(),
        PICK if another else gr.skip(),
        None if another else gr.skip(),
        (new.one if new.can_use else "") if another or before.can_use != new.can_use else gr.skip(),
    )


def _stop(old: Page | None, new: Page) -> object:
    if old is not None and old.stop_word == new.stop_word:
        return gr.skip()
    word = new.stop_word
    return gr.update(value=word, visible=True) if word else gr.update(visible=False)


def hear(runs: Path, run_id: str, index: object) -> tuple[str, str | None]:
    """Return what was said in a clip of a run's report, as HTML, and its sound as a file."""
    clip = None
    try:
        run = open_run(runs, run_id)
        clips, recipe = read_report(run).clips, run.recipe()
        if not isinstance(index, int) or not 0 <= index < len(clips):
            raise DataError("There is no such recording in this report: choose one of its rows.")
        clip = clips[index]
        usable_data(recipe.data)
        sound = find_clip(recipe, clip.name, clip.hash)
        return said_html(clip), wav_file(sound)
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error)) + (said_html(clip) if clip else ""), None


def _build_naming() -> Naming:
    with gr.Row(visible=False, elem_id="run-naming") as row:
        name = gr.Textbox(label="Name", max_lines=1, max_length=60, elem_id="run-name", scale=3)
        save = gr.Button("Save name", scale=1, min_width=110)
        cancel = gr.Button("Cancel", scale=1, min_width=90)
    return Naming(row, name, save, cancel)
