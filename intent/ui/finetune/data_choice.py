"""The choice of data in the Fine-tune form: MInDS-14, the bundled sample, or a folder."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from intent.data.minds14 import LOCALES
from intent.labels import NONE_OF_THESE
from intent.paths import MINDS14, SAMPLE
from intent.runs.access import is_public
from intent.ui.shared.requests import FOLDER
from intent.ui.shared.wiring import Updates, on


@dataclass(frozen=True)
class DataChoice:
    """The components that choose the data to train on."""

    source: gr.Radio
    locales: gr.Dropdown
    folder: gr.Textbox
    reject_label: gr.Dropdown  # of a folder; empty: there is none
    look: gr.Button

    def inputs(self) -> list[Component]:
        """Return the components whose values name a data set."""
        return [self.source, self.locales, self.folder]


def build_data_choice(default: str) -> DataChoice:
    """Lay out the choice of data; a folder cannot be chosen in public mode."""
    sources = [("MInDS-14 from the Hub", MINDS14), ("Bundled sample", SAMPLE)]
    if not is_public():
        sources.append(("A folder on this machine", FOLDER))
    source = gr.Radio(sources, value=default, label="Data", elem_id="data")
    locales = gr.Dropdown(
        list(LOCALES),
        value=["en-US"],
        multiselect=True,
        label="Locales",
        visible=default == MINDS14,
        info="Sampled at 8 kHz. License: CC-BY-4.0 (Gerz et al. 2021).",
    )
    folder = gr.Textbox(
        label="Folder",
        visible=False,
        placeholder="/home/me/recordings",
        info="Parquet files in the Hub’s layout, audio files with metadata.csv, what save_to_disk "
        "wrote, or one subfolder of audio files per intent; or the path of a CSV or JSONL table.",
    )
    reject_label = gr.Dropdown(
        [],
        allow_custom_value=True,
        label=f"Label that means {NONE_OF_THESE.lower()}",
        visible=False,
        info="Optional: the label of recordings that have none of your intents.",
        elem_id="reject-label",
    )
    look = gr.Button("Preview the data", size="sm", elem_id="look")

    def show_data_fields(name: str) -> Updates:
        return {
            locales: gr.update(visible=name == MINDS14),
            folder: gr.update(visible=name == FOLDER),
            reject_label: gr.update(visible=name == FOLDER),
        }

    on(source.change, show_data_fields, source, [locales, folder, reject_label])
    return DataChoice(source, locales, folder, reject_label, look)
