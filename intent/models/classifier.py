"""Classify clips: own-length windows where the padding is muted, else the stock pipeline."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from intent.audio.clip import Clip, resample
from intent.audio.speech_part import SpeechPart, choose_part
from intent.audio.voice_activity import find_speech
from intent.errors import CheckpointError, IntentError
from intent.models.loading import Loaded, first_line, loaded
from intent.models.typed import label_names
from intent.paths import BUNDLED

MIN_SCORE = 0.35  # below it, confidence is low; chance among 14 intents is 0.07
MIN_INPUT_SECONDS = 0.5  # shorter clips are padded with silence: encoders need a few frames
SHOWN_SECONDS = 0.05  # a shorter unused part is not mentioned
BATCH = 8  # clips per forward pass


@dataclass(frozen=True)
class Score:
    """A label and its score, 0..1."""

    label: str
    score: float

    def to_json(self) -> dict[str, object]:
        """Return the score as JSON values, rounded to six digits."""
        return {"label": self.label, "score": round(self.score, 6)}


@dataclass(frozen=True)
class Answer:
    """The prediction of a checkpoint for a clip."""

    top: tuple[Score, ...]  # highest score first
    has_speech: bool  # in the part that was used
    sure: bool  # has_speech, and the top score is MIN_SCORE or more
    checkpoint: str
    device: str  # as shown to users, such as "CPU, 2 threads"
    seconds: float  # time of the prediction, without loading the checkpoint
    used_from: float  # s: where the part begins that was used (audio/speech_part.py)
    used_to: float  # s: where it ends, at the latest with the model's window
    clip_seconds: float  # the whole recording
    multi_label: bool = False  # each label has its own score; they do not add up to 1
    known: bool = True  # the top label is not the reject label
    known_score: float = 1.0  # 0..1: 1 − the score of the reject label
    reject_label: str | None = None  # the label that means "none of the intents"
    closest: tuple[Score, ...] = ()  # the top intents; empty without a reject label
    intents: int = 0  # labels of the checkpoint, without the reject label

    @property
    def shown(self) -> tuple[Score, ...]:
        """The scores to list: the reject label is among them only if it is the answer."""
        return self.closest if self.known and self.closest else self.top

    @property
    def used_seconds(self) -> float:
        """The length of the part that was used, in s."""
        return self.used_to - self.used_from

    @property
    def part_in_words(self) -> str:
        """The part of the recording that was used; "" if it was all of it."""
        if self.clip_seconds - self.used_seconds <= SHOWN_SECONDS:
            return ""
        if self.used_from == 0:
            return f"used the first {self.used_to:.3g} s of {self.clip_seconds:.3g} s"
        return f"used {self.used_from:.1f} s to {self.used_to:.1f} s of {self.clip_seconds:.1f} s"

    @property
    def facts(self) -> dict[str, object]:
        """What the model used of the recording, and how far to trust its scores, as JSON values."""
        return {
            "heard_seconds": round(self.used_seconds, 3),
            "heard_speech": self.has_speech,
            "sure": self.sure,
            "known": self.known,
            "known_score": round(self.known_score, 6),
            "used_from": round(self.used_from, 3),
            "used_to": round(self.used_to, 3),
        }


def classify(clip: Clip, checkpoint: str = BUNDLED, top_k: int = 5) -> Answer:
    """Return the top-k labels of the part of a clip with speech; all of them if there are fewer.

    `checkpoint` is "bundled", a Hub id or a local folder. Thread-safe. Raises CheckpointError if
    the checkpoint cannot be loaded, IntentError for a top_k below 1.
    """
    if top_k < 1:
        raise IntentError(f"The number of intents (top_k) must be 1 or more, but is {top_k}.")
    model = loaded(checkpoint)
    start = time.perf_counter()
    part, samples = heard_part(model, clip)
    [scores] = predict_all(model, [samples])
    top = scores[:top_k]
    return Answer(
        top=top,
        has_speech=part.has_speech,
        sure=part.has_speech and top[0].score >= MIN_SCORE,
        checkpoint=checkpoint,
        device=model.device,
        seconds=time.perf_counter() - start,
        used_from=part.start,
        used_to=min(part.end, part.start + model.longest_seconds),
        clip_seconds=clip.seconds,
        multi_label=model.multi_label,
        known=top[0].label != model.reject_label,
        known_score=known_score(scores, model.reject_label),
        reject_label=model.reject_label,
        closest=_closest(scores, model.reject_label)[:top_k],
        intents=len(model.intents),
    )


def known_score(scores: Sequence[Score], reject_label: str | None) -> float:
    """Return how likely a clip has one of the intents, 0..1: 1 − the score of the reject label.

    `scores` are those of every label. Without a reject label, it is 1.
    """
    rejected = next((one.score for one in scores if one.label == reject_label), 0.0)
    return min(1.0, max(0.0, 1.0 - rejected))


def _closest(scores: Sequence[Score], reject_label: str | None) -> tuple[Score, ...]:
    """Return the scores of the intents; none without a reject label: all scores are."""
    if reject_label is None:
        return ()
    return tuple(one for one in scores if one.label != reject_label)


def heard_part(model: Loaded, clip: Clip) -> tuple[SpeechPart, np.ndarray]:
    """Return the part of a clip that a model uses, and its samples as from `model_input`."""
    sound = resample(clip, model.sample_rate)  # once, for the detector of speech too
    part = choose_part(find_speech(sound), clip.seconds, model.longest_seconds)
    return part, model_input(part.cut(sound), model)


def predict(model: Loaded, clip: Clip) -> tuple[Score, ...]:
    """Return the score of every label for a clip as it is, as `predict_all` does."""
    return predict_all(model, [model_input(clip, model)])[0]


def predict_all(model: Loaded, sounds: Sequence[np.ndarray]) -> list[tuple[Score, ...]]:
    """Return the score of every label, highest first, for each sound as from `model_input`.

    They are those of the stock pipeline: exactly, or at own length up to 0.02 on average. Raises
    CheckpointError if the encoder and the feature extractor do not fit together.
    """
    import torch

    try:
        return _at_own_length(model, sounds) if model.own_length else _by_pipeline(model, sounds)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a mismatch can raise nearly anything
        raise CheckpointError(
            f"The checkpoint cannot classify this recording ({first_line(error)}): its config and its "
            "feature extractor do not fit together. Save it again, or choose another checkpoint."
        ) from error


def _by_pipeline(model: Loaded, sounds: Sequence[np.ndarray]) -> list[tuple[Score, ...]]:
    """Run sounds of different lengths one by one: without a window, padding changes the scores."""
    size = BATCH if model.window_seconds else 1
    # The pipeline's types leave out lists of clips.
    answers = model.pipeline(list(sounds), batch_size=min(size, len(sounds)), top_k=None)  # type: ignore[arg-type]
    return [
        tuple(Score(one["label"], one["score"]) for one in answer)
        for answer in cast(list[list[dict[str, Any]]], answers)
    ]


def _at_own_length(model: Loaded, sounds: Sequence[np.ndarray]) -> list[tuple[Score, ...]]:
    """Run sounds of one own length together."""
    import torch

    from intent.models.whisper_own_length import batches, logits

    network = model.pipeline.model
    names = label_names(network)
    found: dict[int, tuple[Score, ...]] = {}
    with torch.inference_mode():
        for rows in batches(sounds, model.extractor, BATCH):
            some = [sounds[row] for row in rows]
            scores = logits(network, some, model.extractor, model.dtype)
            for row, values in zip(rows, scores.float().softmax(-1).tolist(), strict=True):
                ranked = sorted(enumerate(values), key=lambda one: -one[1])
                found[row] = tuple(Score(names[index], value) for index, value in ranked)
    return [found[row] for row in range(len(sounds))]


def warm_up(checkpoint: str = BUNDLED) -> None:
    """Load a checkpoint and run it once, so that the first real clip is fast."""
    classify(Clip(np.zeros(16_000, np.float32), 16_000), checkpoint)


def model_input(clip: Clip, model: Loaded) -> np.ndarray:
    """Return a clip as input of the model's pipeline: (n,) float32 at its sample rate.

    Padded with silence to half a second, and cut to the longest clip that the model takes.
    """
    rate = model.sample_rate
    samples = resample(clip, rate).samples[: int(model.longest_seconds * rate)]
    missing = int(MIN_INPUT_SECONDS * rate) - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples
