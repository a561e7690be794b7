"""The player of a recording from a data set or a report."""

import gradio as gr

WAVE = gr.WaveformOptions(waveform_color="#8fbfb2", waveform_progress_color="#1f8f77")


def build_player(elem_id: str) -> gr.Audio:
    """Lay out a player that starts when it gets a recording, and cannot record."""
    return gr.Audio(
        type="filepath",
        format=None,
        interactive=False,
        label="Recording",
        autoplay=True,
        buttons=[],
        elem_id=elem_id,
        waveform_options=WAVE,
    )
