"""From a clip to its likeliest intents, through the stock audio-classification pipeline."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intent.audio.clip import Clip, resample
from intent.checkpoints.bounds import check_texts, check_weights, longest_seconds
from intent.checkpoints.resolve import resolve, shown_name, window_seconds
from intent.compat import attention_implementation
from intent.devices import best_device, compute_in, device_name, precision
from intent.errors import CheckpointError, IntentError
from intent.library_output import quiet_libraries
from intent.paths import BUNDLED

if TYPE_CHECKING:
    from transformers import AudioClassificationPipeline

MIN_SCORE = 0.35  # a top score below it is a guess: chance among 14 intents is 0.07
MIN_INPUT_SECONDS = 0.5  # shorter clips are followed by silence: encoders need a few frames
MAX_LOADED = 3  # checkpoints kept in memory

_NOT_USED_IN_INFERENCE = ("masked_spec_embed",)


@dataclass(frozen=True)
class Score:
    """A label's id and how likely it is, 0..1."""

    label: str
    score: float


@dataclass(frozen=True)
class Answer:
    """What a checkpoint heard in a clip."""

    top: tuple[Score, ...]  # likeliest first
    heard_speech: bool
    sure: bool  # speech was heard and the top score is MIN_SCORE or more
    checkpoint: str
    device: str  # for people, such as "CPU, 2 threads"
    seconds: float  # that the answer took, the loading of the checkpoint left out
    heard_seconds: float  # of the clip: a model with a fixed window does not hear the rest


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory."""

    pipeline: "AudioClassificationPipeline"
    window_seconds: float | None  # None: it has none
    longest_seconds: float  # of a clip that are classified
    device: str  # for people

    @property
    def sample_rate(self) -> int:
        """The rate in Hz at which the model wants to hear."""
        return self.pipeline.feature_extractor.sampling_rate


@dataclass
class _Place:
    """Room for one checkpoint, so that those who want it at once wait for one load."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: Loaded | None = None


_places: OrderedDict[tuple[object, ...], _Place] = OrderedDict()  # the last used is last
_places_lock = threading.Lock()


def classify(clip: Clip, checkpoint: str = BUNDLED, top_k: int = 5) -> Answer:
    """Return the top_k likeliest labels of a clip, 1 or more; all of them if there are fewer.

    checkpoint: "bundled", a Hub id or a local folder. Any thread may call this. Raises
    CheckpointError if the checkpoint cannot be loaded, IntentError for a top_k below 1.
    """
    from intent.audio.voice_activity import has_speech

    if top_k < 1:
        raise IntentError(f"The number of answers (top_k) must be 1 or more, found {top_k}.")
    model = loaded(checkpoint)
    start = time.perf_counter()
    top = hear(model, clip)[:top_k]
    heard_speech = has_speech(clip)
    return Answer(
        top=top,
        heard_speech=heard_speech,
        sure=heard_speech and top[0].score >= MIN_SCORE,
        checkpoint=checkpoint,
        device=model.device,
        seconds=time.perf_counter() - start,
        heard_seconds=min(clip.seconds, model.longest_seconds),
    )


def hear(model: Loaded, clip: Clip) -> tuple[Score, ...]:
    """Return every label's score, likeliest first, from the stock pipeline.

    Raises CheckpointError where encoder and feature extractor turn out not to fit.
    """
    import torch

    samples = model_input(clip, model)
    try:
        answers = model.pipeline(samples, top_k=None)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - what does not fit makes it raise nearly anything
        raise CheckpointError(
            f"The checkpoint cannot classify this clip ({_first_line(error)}): its config and its "
            "feature extractor do not fit together. Save it again, or choose another checkpoint."
        ) from error
    return tuple(Score(answer["label"], answer["score"]) for answer in answers)


def scores_by_hand(clip: Clip, checkpoint: str = BUNDLED) -> list[Score]:
    """Return every label's score, likeliest first, without a pipeline: the guide's manual path.

    Feature extractor, model, logits, softmax, id2label; the scores are those of `classify`.
    Raises CheckpointError.
    """
    import torch

    model = loaded(checkpoint)
    network, extractor = model.pipeline.model, model.pipeline.feature_extractor
    samples = model_input(clip, model)
    inputs = extractor(samples, sampling_rate=model.sample_rate, return_tensors="pt")
    with torch.inference_mode():
        logits = network(**inputs.to(network.device, network.dtype)).logits[0]  # (labels,)
    scores = logits.softmax(-1).tolist()
    ids = logits.argsort(descending=True).tolist()
    return [Score(network.config.id2label[i], scores[i]) for i in ids]


def warm_up(checkpoint: str = BUNDLED) -> None:
    """Load a checkpoint and hear one second of silence, so that the next clip need not wait."""
    classify(Clip(np.zeros(16_000, np.float32), 16_000), checkpoint)


def model_input(clip: Clip, model: Loaded) -> np.ndarray:
    """The clip as the model's pipeline takes it: (n,) float32 at its rate.

    It is at least half a second long, and at most as long as the model can be asked to hear.
    """
    rate = model.sample_rate
    samples = resample(clip, rate).samples[: int(model.longest_seconds * rate)]
    missing = int(MIN_INPUT_SECONDS * rate) - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples


def loaded(checkpoint: str = BUNDLED) -> Loaded:
    """Return a checkpoint in memory, loaded at most once while its files stay as they are.

    Raises CheckpointError.
    """
    folder = resolve(checkpoint)
    try:
        key = (folder, *_stamp(folder))
    except OSError as error:  # between the look at the folder and this one, it was moved
        raise CheckpointError(
            f"{shown_name(checkpoint)} is being replaced just now: try again in a moment."
        ) from error
    with _places_lock:
        place = _places.setdefault(key, _Place())
        _places.move_to_end(key)
        replaced = [other for other in _places if other[0] == folder and other != key]
        for other in (*replaced, *list(_places)[:-MAX_LOADED]):
            _places.pop(other, None)
    with place.lock:
        if place.loaded is None:
            place.loaded = load(checkpoint)
        return place.loaded


def _stamp(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Changes when a file of the folder is replaced or written to."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    stats = [(path.name, path.stat()) for path in files]
    return tuple((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def load(checkpoint: str, device: str | None = None) -> Loaded:
    """Load a checkpoint anew onto a device, by default the best one; raises CheckpointError."""
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

    quiet_libraries()
    folder, device = resolve(checkpoint), device or best_device()
    config = check_texts(folder, shown_name(checkpoint))
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
    except Exception as error:  # noqa: BLE001 - damaged files make it raise nearly anything
        raise CheckpointError(
            f"{shown_name(checkpoint)} could not be loaded ({_first_line(error)}): its files are "
            "damaged or do not belong together. Save or fetch it again, or choose another "
            "checkpoint."
        ) from error
    _check_weights(report, shown_name(checkpoint))
    compute_in(model, precision(device))
    stock = pipeline(
        "audio-classification",
        model=model,
        feature_extractor=extractor,
        device=torch.device(device),
    )
    window, keeps_attention = (
        window_seconds(folder),
        attention_implementation(model.config) == "eager",
    )
    longest = window or longest_seconds(config, extractor.sampling_rate, keeps_attention)
    return Loaded(stock, window, longest, device_name(device))


def _check_weights(report: dict, shown: str) -> None:
    """Raise for what stock loading would fill with chance, to answer with chance."""
    for name, found, expected in report["mismatched_keys"]:
        if name.startswith("classifier"):
            raise CheckpointError(
                f"{shown} has weights for {found[0]} labels, but its config names {expected[0]}: "
                "mend id2label in its config.json, or choose another checkpoint."
            )
    misshapen = [name for name, *_ in report["mismatched_keys"]]
    missing = [name for name in report["missing_keys"] if not name.endswith(_NOT_USED_IN_INFERENCE)]
    shape = "of another shape than its config says"
    for problem, names in ((shape, misshapen), ("missing", missing)):
        if names:
            raise CheckpointError(
                f"{shown} has weights that are {problem} ({min(names)}): save or fetch it "
                "again, or choose another checkpoint."
            )


def _first_line(error: Exception) -> str:
    line = str(error).strip().split("\n")[0]
    return line if len(line) <= 120 else line[:117] + "..."
