"""Classify a clip with the stock audio-classification pipeline."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from intent.audio.clip import Clip, resample
from intent.audio.speech_part import speech_part
from intent.checkpoints.bounds import check_weights, longest_seconds, read_checked_config
from intent.checkpoints.description import MULTI_LABEL
from intent.checkpoints.resolve import resolve, shown_name, window_seconds
from intent.compat import attention_implementation
from intent.devices import best_device, compute_in, device_name, precision
from intent.errors import CheckpointError, IntentError
from intent.library_output import quiet_libraries
from intent.models.loaded_weights import check_checkpoint_weights
from intent.models.typed import Extractor
from intent.paths import BUNDLED

if TYPE_CHECKING:
    from transformers import AudioClassificationPipeline

MIN_SCORE = 0.35  # a lower top score is not sure; chance among 14 intents is 0.07
MIN_INPUT_SECONDS = 0.5  # shorter clips are padded with silence: encoders need a few frames
SHOWN_SECONDS = 0.05  # less that is not used is not worth a word
MAX_LOADED = 3  # checkpoints kept in memory


@dataclass(frozen=True)
class Score:
    """A label and its score, 0..1."""

    label: str
    score: float


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
    def heard(self) -> dict[str, object]:
        """What the model was given of the recording, as JSON values."""
        return {
            "heard_seconds": round(self.used_seconds, 3),
            "heard_speech": self.has_speech,
            "sure": self.sure,
            "used_from": round(self.used_from, 3),
            "used_to": round(self.used_to, 3),
        }


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory."""

    pipeline: "AudioClassificationPipeline"
    window_seconds: float | None  # None: it has none
    longest_seconds: float  # a longer clip is cut
    device: str  # as shown to users

    @property
    def sample_rate(self) -> int:
        """The sample rate of the model's input, in Hz."""
        return self.extractor.sampling_rate

    @property
    def extractor(self) -> Extractor:
        """The feature extractor of the pipeline."""
        return cast(Extractor, self.pipeline.feature_extractor)


@dataclass
class _Slot:
    """One checkpoint in the cache; its lock makes simultaneous callers share one load."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: Loaded | None = None


# Folder and the state of its files; the most recently used is last.
_Key = tuple[Path, tuple[tuple[str, int, int, int], ...]]

_slots: OrderedDict[_Key, _Slot] = OrderedDict()
_slots_lock = threading.Lock()


def classify(clip: Clip, checkpoint: str = BUNDLED, top_k: int = 5) -> Answer:
    """Return the top-k labels of the part of a clip with speech; all of them if there are fewer.

    `checkpoint` is "bundled", a Hub id or a local folder. Thread-safe. Raises CheckpointError if
    the checkpoint cannot be loaded, IntentError for a top_k below 1.
    """
    if top_k < 1:
        raise IntentError(f"The number of intents (top_k) must be 1 or more, but is {top_k}.")
    model = loaded(checkpoint)
    start = time.perf_counter()
    part = speech_part(clip, model.longest_seconds)
    top = predict(model, part.cut(clip))[:top_k]
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
        multi_label=model.pipeline.model.config.problem_type == MULTI_LABEL,
    )


def predict(model: Loaded, clip: Clip) -> tuple[Score, ...]:
    """Return the score of every label, highest first, from the stock pipeline.

    It is given the clip as it is: `classify` chooses the part that is used.
    Raises CheckpointError if the encoder and the feature extractor do not fit together.
    """
    import torch

    samples = model_input(clip, model)
    try:
        answers = model.pipeline(samples, top_k=None)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a mismatch can raise nearly anything
        raise CheckpointError(
            f"The checkpoint cannot classify this recording ({_first_line(error)}): its config and its "
            "feature extractor do not fit together. Save it again, or choose another checkpoint."
        ) from error
    return tuple(Score(answer["label"], answer["score"]) for answer in answers)


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


def loaded(checkpoint: str = BUNDLED) -> Loaded:
    """Return a checkpoint in memory, loaded again only when its files change.

    Raises CheckpointError.
    """
    folder = resolve(checkpoint)
    try:
        key = (folder, _stamp(folder))
    except OSError as error:  # the folder was moved after it was resolved
        raise CheckpointError(
            f"{shown_name(checkpoint)} is being replaced right now: try again in a moment."
        ) from error
    with _slots_lock:
        slot = _slots.setdefault(key, _Slot())
        _slots.move_to_end(key)
        replaced = [other for other in _slots if other[0] == folder and other != key]
        for other in (*replaced, *list(_slots)[:-MAX_LOADED]):
            _slots.pop(other, None)
    with slot.lock:
        if slot.loaded is None:
            slot.loaded = load(checkpoint)
        return slot.loaded


def _stamp(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Return a value that changes when a file of the folder is replaced or written to."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    stats = [(path.name, path.stat()) for path in files]
    return tuple((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def load(checkpoint: str, device: str | None = None) -> Loaded:
    """Load a checkpoint onto a device, by default the best one; raises CheckpointError."""
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

    quiet_libraries()
    folder, device = resolve(checkpoint), device or best_device()
    config = read_checked_config(folder, shown_name(checkpoint))
    check_weights(folder, shown_name(checkpoint))
    try:
        model, report = AutoModelForAudioClassification.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        extractor = AutoFeatureExtractor.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # noqa: BLE001 - damaged files can raise nearly anything
        raise CheckpointError(
            f"{shown_name(checkpoint)} could not be loaded ({_first_line(error)}): its files are "
            "damaged or do not belong together. Save or download it again, or choose another "
            "checkpoint."
        ) from error
    check_checkpoint_weights(report, shown_name(checkpoint))
    compute_in(model, precision(device))
    stock = pipeline(
        "audio-classification",
        model=model,
        feature_extractor=extractor,
        device=torch.device(device),
    )
    window = window_seconds(folder)
    keeps_attention = attention_implementation(model.config) == "eager"
    longest = window or longest_seconds(config, extractor.sampling_rate, keeps_attention)
    return Loaded(stock, window, longest, device_name(device))


def _first_line(error: Exception) -> str:
    line = str(error).strip().split("\n")[0]
    return line if len(line) <= 120 else line[:117] + "..."
