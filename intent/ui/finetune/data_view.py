"""Preview the data before training: charts, and a table of recordings that can be played."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr
from gradio.blocks import Block

from intent.data import dataset as all_data
from intent.labels import human_name
from intent.paths import MINDS14, SAMPLE
from intent.ui.finetune.data_choice import DataChoice
from intent.ui.finetune.data_figures import figures_html
from intent.ui.shared.player import build_player
from intent.ui.shared.recordings import DataPreview, measure, open_data, wav_file
from intent.ui.shared.requests import FOLDER, data_name, usable_data
from intent.ui.shared.wiring import Updates, any_of, errors_in, no_change, on

ROWS = 200  # shown in the table; the others are listed by choosing their intent
EVERY_INTENT = "All intents"
EMPTY = "<p class='is-quiet'>Press “Preview the data” to see and play the recordings.</p>"
PICK = "<p class='is-quiet'>Select a row to play it.</p>"


@dataclass(frozen=True)
class DataView:
    """The components of the preview."""

    preview: gr.State
    figures: gr.HTML
    browse: gr.Row
    intent: gr.Dropdown
    table: gr.Dataframe
    count: gr.HTML
    transcript: gr.HTML
    player: gr.Audio
    send: gr.Button

    def outputs(self) -> list[Block]:
        """Return the components that change when another data set is previewed."""
        return [
            self.preview,
            self.figures,
            self.browse,
            self.intent,
            self.table,
            self.count,
            self.send,
        ]


def build_data_view() -> DataView:
    """Lay out the charts, the table and the player."""
    preview = gr.State(None)
    gr.HTML("<h2 class='is-heading'>Recordings</h2>")
    figures = gr.HTML(EMPTY, elem_id="data-figures")
    with gr.Row(visible=False, elem_id="data-table") as browse:
        with gr.Column(scale=3, min_width=320):
            intent = gr.Dropdown([EVERY_INTENT], value=EVERY_INTENT, label="Show")
            table = _build_table()
            count = gr.HTML(elem_classes="is-quiet")
        with gr.Column(scale=2, min_width=280, elem_id="listen"):
            transcript = gr.HTML(PICK)
            player = build_player("player")
            send = gr.Button("Send to Classify", interactive=False, elem_id="send")
    return DataView(preview, figures, browse, intent, table, count, transcript, player, send)


def wire_data_view(
    view: DataView, choice: DataChoice, clip_to_classify: gr.State, tab: gr.Tab
) -> None:
    """Wire the preview to the choice of data, and the player to the table."""
    hidden: Updates = {view.preview: None, view.browse: gr.update(visible=False)}

    @errors_in(view.figures, also=hidden)
    def look(source: str, locales: Sequence[str], folder: str) -> Iterator[Updates]:
        for updates in preview_data(view, source, locales, folder):
            yield {**updates, **_labels_to_reject(choice, updates.get(view.preview))}

    @errors_in(view.figures, also=hidden)
    def look_if_bundled(
        source: str, locales: Sequence[str], folder: str, preview: DataPreview | None
    ) -> Iterator[Updates]:
        if _source_of(preview) == source:
            yield no_change()
        elif source == SAMPLE:
            yield from preview_data(view, source, locales, folder)
        else:  # a download waits for a click
            yield {view.figures: EMPTY, **hidden}

    inputs, outputs = choice.inputs(), [*view.outputs(), choice.reject_label]
    # A new request cancels the previous one, whose result would otherwise overwrite the new one.
    opened = on(tab.select, look_if_bundled, [*inputs, view.preview], outputs)
    requested = any_of(choice.look.click, choice.folder.submit)
    looked = on(requested, look, inputs, outputs, cancels=[opened])
    with_preview = [*inputs, view.preview]
    on(choice.source.input, look_if_bundled, with_preview, outputs, cancels=[looked, opened])
    _wire_table(view, clip_to_classify)


def preview_data(
    view: DataView, source: str, locales: Sequence[str], folder: str
) -> Iterator[Updates]:
    """Yield that the data set is being read, then its counts and rows, then its durations."""
    yield {view.figures: _busy(source)}
    name = usable_data(data_name(source, folder))
    preview = open_data(name, locales)
    counts = all_data.summary(preview.parts).clips_per_label
    found = [(f"{human_name(label)} ({n})", label) for label, n in counts.items() if n]
    note = _parts_in_words(preview, name, locales)
    yield {
        view.preview: preview,
        view.figures: figures_html(counts, None, note),
        view.browse: gr.update(visible=True),
        view.intent: gr.update(choices=[EVERY_INTENT, *found], value=EVERY_INTENT),
        **_rows(view, preview, EVERY_INTENT),
        view.send: gr.update(interactive=False),
    }
    measured, unreadable = measure(preview)
    figures = figures_html(counts, list(measured.seconds.values()), note)
    yield {
        view.preview: measured,
        view.figures: figures + _unreadable_html(unreadable),
        **_rows(view, measured, EVERY_INTENT),
    }


def _labels_to_reject(choice: DataChoice, preview: object) -> Updates:
    """Offer the labels of a folder that is previewed as the one that means none of the intents."""
    if not isinstance(preview, DataPreview) or _source_of(preview) != FOLDER:
        return {}
    return {choice.reject_label: gr.update(choices=list(all_data.label_names(preview.parts)))}


def _build_table() -> gr.Dataframe:
    return gr.Dataframe(
        headers=["#", "Intent", "Transcript", "Seconds"],
        datatype=["number", "str", "str", "number"],
        wrap=True,
        interactive=False,
        max_height=430,
        column_widths=["9%", "25%", "40%", "26%"],
        show_label=False,
        label="Recordings",
        buttons=[],
        elem_id="recordings",
    )


def _wire_table(view: DataView, clip_to_classify: gr.State) -> None:
    def filter_rows(preview: DataPreview | None, intent: str) -> Updates:
        return _rows(view, preview, intent)

    silent: Updates = {view.player: None, view.send: gr.update(interactive=False)}

    @errors_in(view.transcript, also=silent)
    def play(preview: DataPreview | None, event: gr.SelectData) -> Updates:
        if preview is None:
            return no_change()
        return _played(view, preview, int(event.row_value[0]))

    def send_to_classify(path: str | None) -> Updates:
        return {clip_to_classify: path}

    on(view.intent.input, filter_rows, [view.preview, view.intent], [view.table, view.count])
    played = [view.transcript, view.player, view.send]
    on(view.table.select, play, view.preview, played, trigger_mode="always_last")
    on(view.send.click, send_to_classify, view.player, clip_to_classify)


def _rows(view: DataView, preview: DataPreview | None, intent: str) -> Updates:
    """Return the table's rows of one intent, or of all intents, and how many there are."""
    if preview is None:
        return {view.table: [], view.count: ""}
    wanted = [one for one in preview.recordings if intent in (EVERY_INTENT, one.label)]
    rows = [
        [one.number, human_name(one.label), one.transcript, _rounded(preview, one.number)]
        for one in wanted[:ROWS]
    ]
    count = f"{len(wanted):,} recordings"
    if len(wanted) > ROWS:
        count = f"The first {ROWS} of {count}. Choose an intent to list its recordings."
    return {view.table: rows, view.count: count}


def _played(view: DataView, preview: DataPreview, number: int) -> Updates:
    chosen = preview.recordings[number - 1]
    clip = all_data.clip_at(preview.parts[chosen.part], chosen.row)
    words = f"“{escape(chosen.transcript)}”" if chosen.transcript else "No transcript"
    details = f"{human_name(chosen.label)} · {clip.seconds:.1f} s · {chosen.name}"
    return {
        view.transcript: f"<p class='is-said'>{words}</p><p class='is-quiet'>{escape(details)}</p>",
        view.player: wav_file(clip),
        view.send: gr.update(interactive=True),
    }


def _source_of(preview: DataPreview | None) -> str | None:
    if preview is None:
        return None
    return preview.name if preview.name in (MINDS14, SAMPLE) else FOLDER


def _busy(source: str) -> str:
    doing = "Reading the recordings"
    if source == MINDS14:
        doing = "Loading MInDS-14, which is downloaded on first use"
    return f"<p class='is-quiet' role='status'>{doing}…</p>"


def _parts_in_words(preview: DataPreview, name: str, locales: Sequence[str]) -> str:
    sizes = {part: len(dataset) for part, dataset in preview.parts.items()}
    if "test" in sizes:
        return f"{sizes.get('train', 0):,} in the training set, {sizes['test']:,} in the test set."
    origin = f" in {', '.join(locales)}" if name == MINDS14 else ""
    return f"Recordings{origin}. A test set is split off when training starts."


def _unreadable_html(unreadable: list[tuple[str, str]]) -> str:
    if not unreadable:
        return ""
    listed = (f"<li><b>{escape(name)}</b> {escape(why)}</li>" for name, why in unreadable[:ROWS])
    count = f"{len(unreadable):,} {'note' if len(unreadable) == 1 else 'notes'}"
    return (
        f"<details class='is-skipped'><summary>{count} on what is left out</summary>"
        f"<ul>{''.join(listed)}</ul></details>"
    )


def _rounded(preview: DataPreview, number: int) -> float | None:
    seconds = preview.seconds.get(number)
    return None if seconds is None else round(seconds, 1)
