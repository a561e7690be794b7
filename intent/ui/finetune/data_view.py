"""See and hear the data before training: figures, and a table whose recordings play."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from intent.data import dataset as all_data
from intent.labels import human_name
from intent.paths import MINDS14, SAMPLE
from intent.runs.access import is_public
from intent.ui.finetune.data_figures import figures_html
from intent.ui.finetune.recipe_form import notice
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.recordings import Looked, measure, open_data, wav_file
from intent.ui.shared.requests import FOLDER, data_name, usable_data

ROWS = 200  # in the table at a time; the filter by intent reaches the others
HEADERS = ["#", "Intent", "Transcript", "Seconds"]
EVERY_INTENT = "Every intent"
EMPTY = "<p class='is-quiet'>Press “Look at the data” to see and hear it before you train.</p>"
PICK = "<p class='is-quiet'>Choose a row to hear it.</p>"
WAVE = gr.WaveformOptions(waveform_color="#8fbfb2", waveform_progress_color="#1f8f77")
NO_UPDATES = 7  # components that `look` feeds


@dataclass(frozen=True)
class DataChoice:
    """The components that say which data to learn from."""

    source: gr.Radio
    locales: gr.Dropdown
    folder: gr.Textbox
    look: gr.Button


def build_data_choice(default: str) -> DataChoice:
    """Lay out the choice of data; a folder cannot be chosen in public mode."""
    sources = [("MInDS-14 from the Hub", MINDS14), ("Bundled sample", SAMPLE)]
    if not is_public():
        sources.append(("A folder on this machine", FOLDER))
    source = gr.Radio(sources, value=default, label="Data", elem_id="data")
    locales = gr.Dropdown(
        list(all_data.LOCALES),
        value=["en-US"],
        multiselect=True,
        label="Locales",
        visible=default == MINDS14,
        info="Real callers, 8 kHz. CC-BY-4.0, Gerz et al. 2021.",
    )
    folder = gr.Textbox(
        label="Folder",
        visible=False,
        placeholder="/home/me/recordings",
        info="Parquet in the Hub’s layout, or one folder per intent holding audio files.",
    )
    look = gr.Button("Look at the data", size="sm", elem_id="look")
    source.change(
        lambda name: (gr.update(visible=name == MINDS14), gr.update(visible=name == FOLDER)),
        source,
        [locales, folder],
        show_progress="hidden",
        api_visibility="private",
    )
    return DataChoice(source, locales, folder, look)


@dataclass(frozen=True)
class DataView:
    """What others follow: the data set that was looked at, and its figures, which then change."""

    looked: gr.State
    figures: gr.HTML


def build_data_view(choice: DataChoice, clip_to_classify: gr.State, tab: gr.Tab | None) -> DataView:
    """Lay out the figures, the table and the player, and wire them to the choice of data."""
    looked = gr.State(None)
    gr.HTML("<h2 class='is-heading'>The recordings</h2>")
    figures = gr.HTML(EMPTY, elem_id="data-figures")
    with gr.Row(visible=False, elem_id="data-table") as browse:
        with gr.Column(scale=3, min_width=320):
            intent = gr.Dropdown([EVERY_INTENT], value=EVERY_INTENT, label="Show")
            table = gr.Dataframe(
                headers=HEADERS,
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
            counted = gr.HTML(elem_classes="is-quiet")
        with gr.Column(scale=2, min_width=280, elem_id="listen"):
            heard = gr.HTML(PICK)
            player = gr.Audio(
                type="filepath",
                format=None,
                interactive=False,
                label="Recording",
                autoplay=True,
                buttons=[],
                elem_id="player",
                waveform_options=WAVE,
            )
            send = gr.Button("Send to Classify", interactive=False, elem_id="send")
    asked = [choice.source, choice.locales, choice.folder]
    shown = [looked, figures, browse, intent, table, counted, send]
    # A later wish cancels an earlier one, whose answer would else replace the later one's.
    opened = tab and tab.select(
        look_if_at_hand, [*asked, looked], shown, show_progress="hidden", api_visibility="private"
    )
    wished = gr.on(
        [choice.look.click, choice.folder.submit],
        look,
        asked,
        shown,
        show_progress="hidden",
        cancels=[opened] if opened else None,
        api_visibility="private",
    )
    choice.source.input(
        look_if_at_hand,
        [*asked, looked],
        shown,
        show_progress="hidden",
        cancels=[wished, opened] if opened else [wished],
        api_visibility="private",
    )
    intent.input(
        rows_of,
        [looked, intent],
        [table, counted],
        show_progress="hidden",
        api_visibility="private",
    )
    table.select(
        listen,
        looked,
        [heard, player, send],
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    send.click(
        lambda path: path,
        player,
        clip_to_classify,
        show_progress="hidden",
        api_visibility="private",
    )
    return DataView(looked, figures)


def look(source: str, locales: Sequence[str], folder: str) -> Iterator[tuple[object, ...]]:
    """Yield what the page shows of a data set: that it is read, its counts, then its durations."""
    yield gr.skip(), _busy(source), *[gr.skip()] * (NO_UPDATES - 2)
    try:
        name = usable_data(data_name(source, folder))
        opened = open_data(name, locales)
        counts = all_data.summary(opened.parts).clips_per_label
        where = _parts_in_words(opened, name, locales)
        found = [(f"{human_name(label)} ({n})", label) for label, n in counts.items() if n]
        menu = [EVERY_INTENT, *found]
        yield (
            opened,
            figures_html(counts, None, where),
            gr.update(visible=True),
            gr.update(choices=menu, value=EVERY_INTENT),
            *rows_of(opened, EVERY_INTENT),
            gr.update(interactive=False),
        )
        measured, unreadable = measure(opened)
        figures = figures_html(counts, list(measured.seconds.values()), where)
        table, counted = rows_of(measured, EVERY_INTENT)
        figures += _left_out(unreadable)
        yield measured, figures, gr.skip(), gr.skip(), table, counted, gr.skip()
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        hidden = gr.update(visible=False)
        yield None, notice(in_words(error)), hidden, *[gr.skip()] * (NO_UPDATES - 3)


def look_if_at_hand(
    source: str, locales: Sequence[str], folder: str, looked: Looked | None
) -> Iterator[tuple[object, ...]]:
    """Show the bundled sample unasked; what costs a download waits for a click."""
    shown = looked and (looked.name if looked.name in (MINDS14, SAMPLE) else FOLDER)
    if shown == source:
        yield (gr.skip(),) * NO_UPDATES
    elif source == SAMPLE:
        yield from look(source, locales, folder)
    else:
        yield None, EMPTY, gr.update(visible=False), *[gr.skip()] * (NO_UPDATES - 3)


def rows_of(looked: Looked | None, intent: str) -> tuple[list[list[object]], str]:
    """Return the rows of one intent, or of every one, and how many there are, in words."""
    if looked is None:
        return [], ""
    wanted = [one for one in looked.recordings if intent in (EVERY_INTENT, one.label)]
    rows = [
        [one.number, human_name(one.label), one.transcript, _rounded(looked, one.number)]
        for one in wanted[:ROWS]
    ]
    if len(wanted) > ROWS:
        return rows, f"The first {ROWS} of {len(wanted):,}; choose an intent to see its others."
    return rows, f"{len(wanted)} recordings"


def listen(looked: Looked | None, event: gr.SelectData) -> tuple[str, str | None, object]:
    """Return the transcript of the chosen row, its sound as a file, and whether it can be sent."""
    try:
        chosen = looked.recordings[int(event.row_value[0]) - 1]
        clip = all_data.clip_at(looked.parts[chosen.part], chosen.row)
        words = f"“{escape(chosen.transcript)}”" if chosen.transcript else "No transcript"
        what = f"{human_name(chosen.label)} · {clip.seconds:.1f} s · {chosen.name}"
        said = f"<p class='is-said'>{words}</p><p class='is-quiet'>{escape(what)}</p>"
        return said, wav_file(clip), gr.update(interactive=True)
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error)), None, gr.update(interactive=False)


def _busy(source: str) -> str:
    doing = "Fetching MInDS-14; the first time takes a while" if source == MINDS14 else "Reading"
    return f"<p class='is-quiet' role='status'>{doing}…</p>"


def _parts_in_words(looked: Looked, name: str, locales: Sequence[str]) -> str:
    sizes = {part: len(dataset) for part, dataset in looked.parts.items()}
    if "test" in sizes:
        train = sizes.get("train", 0)
        return f"{train:,} to learn from and {sizes['test']:,} kept apart to test with."
    where = f" of {', '.join(locales)}" if name == MINDS14 else ""
    return f"Recordings{where}; a part is kept apart to test with when training begins."


def _left_out(unreadable: list[tuple[str, str]]) -> str:
    if not unreadable:
        return ""
    listed = (f"<li><b>{escape(name)}</b> {escape(why)}</li>" for name, why in unreadable[:ROWS])
    return (
        f"<details class='is-skipped'><summary>{len(unreadable)} cannot be read and will be left "
        f"out</summary><ul>{''.join(listed)}</ul></details>"
    )


def _rounded(looked: Looked, number: int) -> float | None:
    seconds = looked.seconds.get(number)
    return None if seconds is None else round(seconds, 1)
