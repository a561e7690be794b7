"""Build the details of the selected runs: one run's report, or the comparison of several."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from intent.ui.runs.clips_list import JS as CLIPS_JS
from intent.ui.runs.confusion import JS as CONFUSION_JS
from intent.ui.runs.share_panel import build_share_panel
from intent.ui.runs.view import Page
from intent.ui.shared.player import build_player
from intent.ui.shared.wiring import Updates

NOTHING_PLAYED = "<p class='is-quiet'>Select a recording to play it.</p>"


@dataclass(frozen=True)
class Naming:
    """The components that rename a run."""

    row: gr.Row
    name: gr.Textbox
    save: gr.Button
    cancel: gr.Button


@dataclass(frozen=True)
class Actions:
    """The buttons that act on the selected runs."""

    use: gr.Button
    resume: gr.Button
    stop: gr.Button
    rename: gr.Button
    remove: gr.Button


@dataclass(frozen=True)
class ConfusionCard:
    """The confusion matrix, the recordings of a report, and the player."""

    card: gr.Column
    matrix: gr.HTML
    clips: gr.HTML
    clip: gr.HTML
    player: gr.Audio


@dataclass(frozen=True)
class ReportPanel:
    """The components of the details; `run_id` is "" unless one run with a model is selected."""

    detail: gr.Column
    summary: gr.HTML
    actions: Actions
    naming: Naming
    curves_card: gr.Column
    curves: gr.HTML
    confusion: ConfusionCard
    metrics_card: gr.Column
    metrics: gr.HTML
    share_card: gr.Column
    run_id: gr.State

    def outputs(self) -> list[Block]:
        """Return every component that `contents` and `resets` may change."""
        confusion = self.confusion
        return [
            *self.contents(Page("", "")),
            self.naming.name,
            confusion.clip,
            confusion.player,
        ]

    def contents(self, page: Page) -> Updates:
        """Return what each component shows of a page."""
        actions = self.actions
        return {
            self.detail: gr.update(visible=page.selected > 0),
            self.summary: page.summary,
            actions.use: gr.update(visible=page.can_use),
            actions.resume: gr.update(visible=page.can_resume),
            actions.stop: gr.update(visible=bool(page.stop_word), value=page.stop_word or "Stop"),
            actions.rename: gr.update(visible=page.can_rename),
            actions.remove: gr.update(visible=page.can_remove),
            self.naming.row: gr.update(visible=page.naming),
            self.curves_card: gr.update(visible=bool(page.curves)),
            self.curves: page.curves,
            self.confusion.card: gr.update(visible=bool(page.confusion)),
            self.confusion.matrix: page.confusion,
            self.confusion.clips: page.clips,
            self.metrics_card: gr.update(visible=bool(page.metrics)),
            self.metrics: page.metrics,
            self.share_card: gr.update(visible=page.can_use),
            self.run_id: page.run_id if page.can_use else "",
        }

    def resets(self, old: Page | None, new: Page) -> Updates:
        """Return the components that a visitor can change and that must be reset."""
        updates: Updates = {}
        if new.naming and not (old and old.naming):
            updates[self.naming.name] = new.name
        if old is None or old.run_id != new.run_id:
            updates |= {self.confusion.clip: NOTHING_PLAYED, self.confusion.player: None}
        return updates


def build_report_panel(runs: Path) -> ReportPanel:
    """Lay out the details inside the current Blocks, with no run selected."""
    run_id = gr.State("")
    with gr.Column(visible=False, elem_id="run-detail") as detail:
        with gr.Column(elem_id="run-card", elem_classes="card"):
            summary = gr.HTML(elem_id="run-summary")
            actions = _build_actions()
            naming = _build_naming()
        with gr.Column(visible=False, elem_classes="card") as curves_card:
            curves = gr.HTML(elem_id="run-curves")
        confusion = _build_confusion_card()
        with gr.Column(visible=False, elem_classes="card") as metrics_card:
            metrics = gr.HTML(elem_id="run-figures")
        with gr.Column(visible=False, elem_classes="card") as share_card:
            build_share_panel(runs, run_id)
    return ReportPanel(
        detail,
        summary,
        actions,
        naming,
        curves_card,
        curves,
        confusion,
        metrics_card,
        metrics,
        share_card,
        run_id,
    )


def _build_actions() -> Actions:
    with gr.Row(elem_id="run-actions"):
        return Actions(
            use=gr.Button("Use this model", variant="primary", visible=False),
            resume=gr.Button("Resume", visible=False),
            stop=gr.Button("Stop", visible=False),
            rename=gr.Button("Rename", visible=False),
            remove=gr.Button("Remove", visible=False),
        )


def _build_naming() -> Naming:
    with gr.Row(visible=False, elem_id="run-naming") as row:
        name = gr.Textbox(label="Name", max_lines=1, max_length=60, elem_id="run-name", scale=3)
        save = gr.Button("Save name", scale=1, min_width=110)
        cancel = gr.Button("Cancel", scale=1, min_width=90)
    return Naming(row, name, save, cancel)


def _build_confusion_card() -> ConfusionCard:
    with gr.Column(visible=False, elem_id="run-confusion-card", elem_classes="card") as card:
        matrix = gr.HTML(elem_id="run-confusion", js_on_load=CONFUSION_JS)
        with gr.Row(elem_id="run-recordings"):
            with gr.Column(scale=3, min_width=280):
                clips = gr.HTML(elem_id="run-clips", js_on_load=CLIPS_JS)
            with gr.Column(scale=2, min_width=260, elem_id="run-listen"):
                clip = gr.HTML(NOTHING_PLAYED)
                player = build_player("run-player")
    return ConfusionCard(card, matrix, clips, clip, player)
