"""What other programs may ask of the Classify tab: one call, ids and scores."""

import gradio as gr

from intent.audio.clip import read_clip
from intent.models.classifier import classify
from intent.paths import BUNDLED
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.requests import usable_checkpoint

DESCRIPTION = (
    "Hear a spoken sentence and return its five likeliest intents, best first, as label ids such "
    "as pay_bill with scores from 0 to 1. The recording may be WAV, FLAC, Ogg, Opus, MP3, m4a or "
    'WebM. The checkpoint is "bundled", the id of a run, a Hub id such as owner/name, or, on '
    "one's own machine, a folder."
)


def classify_file(audio: str, checkpoint: str = BUNDLED) -> dict:
    """Return the answer to a recording in JSON's types; raises gr.Error with one sentence."""
    try:
        name = usable_checkpoint(checkpoint)
        answer = classify(read_clip(audio), name)
    except Exception as error:  # noqa: BLE001 - a caller gets every failure in words
        raise gr.Error(in_words(error), print_exception=False) from None
    return {
        "top": [{"label": score.label, "score": score.score} for score in answer.top],
        "checkpoint": answer.checkpoint,
        "device": answer.device,
        "seconds": answer.seconds,
        "heard_speech": answer.has_speech,
    }


def offer_api(concurrency_limit: int, concurrency_id: str) -> None:
    """Add the endpoint /classify to the present Blocks; nothing of it is seen on the page."""
    audio = gr.Audio(type="filepath", format=None, label="Recording", visible=False)
    checkpoint = gr.Textbox(BUNDLED, label="Checkpoint", visible=False)
    answer = gr.JSON(label="Answer", visible=False)
    gr.Button(visible=False).click(
        classify_file,
        [audio, checkpoint],
        answer,
        api_name="classify",
        api_description=DESCRIPTION,
        concurrency_limit=concurrency_limit,
        concurrency_id=concurrency_id,
    )
