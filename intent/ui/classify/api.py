"""The API of the Classify tab: /classify and /timeline, which return label ids with their scores."""

import gradio as gr

from intent.audio.clip import read_clip
from intent.models.classifier import classify
from intent.models.timeline import timeline
from intent.paths import BUNDLED
from intent.ui.shared.requests import usable_checkpoint
from intent.ui.shared.wiring import Handler, Limit, in_sentences

DESCRIPTION = (
    "Classify a recording and return its five most likely intents, the most likely first, as label ids "
    "such as pay_bill with scores from 0 to 1. The part of the recording with speech is used, from "
    "used_from to used_to in seconds; without speech in it, sure is false. known is false if the "
    "checkpoint's answer is none of its intents, and known_score, from 0 to 1, is how likely it is one "
    "of them; without such a label they are true and 1. The recording may be WAV, FLAC, Ogg, Opus, "
    'MP3, m4a or WebM. The checkpoint is "bundled", the id of a run, a Hub id such as owner/name, or, '
    "on your own machine, a folder."
)


TIMELINE_DESCRIPTION = (
    "Divide a recording of up to 90 minutes into its utterances, in order: each with its start and end "
    "in seconds, its five most likely intents as label ids with scores from 0 to 1, whether the first "
    "one is sure, and known and known_score. Formats, checkpoints and meanings are those of /classify."
)


@in_sentences
def classify_file(audio: str, checkpoint: str = BUNDLED) -> dict[str, object]:
    """Return the prediction for a recording as JSON values; raises gr.Error with one sentence."""
    name = usable_checkpoint(checkpoint)
    answer = classify(read_clip(audio), name)
    return {
        "top": [{"label": score.label, "score": score.score} for score in answer.top],
        "checkpoint": answer.checkpoint,
        "device": answer.device,
        "seconds": answer.seconds,
        **answer.facts,
    }


@in_sentences
def timeline_file(audio: str, checkpoint: str = BUNDLED) -> list[dict[str, object]]:
    """Return the utterances of a recording in JSON's types; raises gr.Error with one sentence."""
    return [utterance.to_json() for utterance in timeline(audio, usable_checkpoint(checkpoint))]


def offer_api(classifying: Limit, timelines: Limit) -> None:
    """Add the endpoints /classify and /timeline to the current Blocks, on components not visible.

    They take a file: an Audio component lets Gradio check the upload, which `gr.api` would not.
    """
    _offer("classify", classify_file, DESCRIPTION, classifying)
    _offer("timeline", timeline_file, TIMELINE_DESCRIPTION, timelines)


def _offer(name: str, endpoint: Handler, description: str, limit: Limit) -> None:
    audio = gr.Audio(type="filepath", format=None, label="Recording", visible=False)
    checkpoint = gr.Textbox(BUNDLED, label="Checkpoint", visible=False)
    answer = gr.JSON(label="Predictions", visible=False)
    gr.Button(visible=False).click(
        endpoint,
        [audio, checkpoint],
        answer,
        api_name=name,
        api_description=description,
        concurrency_limit=limit.count,
        concurrency_id=limit.name,
    )
