"""Checkpoints in memory: loaded once, with their stock pipeline, and again when files change."""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from intent.checkpoints.bounds import check_weights, longest_seconds, read_checked_config
from intent.checkpoints.description import MULTI_LABEL
from intent.checkpoints.resolve import local_folder, resolve, shown_name, window_seconds
from intent.compat import attention_implementation
from intent.devices import best_device, compute_in, device_name, precision
from intent.errors import CheckpointError
from intent.library_output import quiet_libraries
from intent.models.loaded_weights import check_checkpoint_weights
from intent.models.typed import Extractor, label_names, reject_label
from intent.paths import BUNDLED

if TYPE_CHECKING:
    import torch
    from transformers import AudioClassificationPipeline

MAX_LOADED = 3  # checkpoints kept in memory


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory."""

    pipeline: "AudioClassificationPipeline"
    window_seconds: float | None  # None: it has none
    longest_seconds: float  # a longer clip is cut
    device: str  # as shown to users
    own_length: bool  # computes only the frames of a clip (whisper_own_length.py)
    dtype: "torch.dtype"  # of matrix products at own length

    @property
    def sample_rate(self) -> int:
        """The sample rate of the model's input, in Hz."""
        return self.extractor.sampling_rate

    @property
    def extractor(self) -> Extractor:
        """The feature extractor of the pipeline."""
        return cast(Extractor, self.pipeline.feature_extractor)

    @property
    def multi_label(self) -> bool:
        """Whether each label has its own score, so that they do not add up to 1."""
        return self.pipeline.model.config.problem_type == MULTI_LABEL

    @property
    def reject_label(self) -> str | None:
        """The label that means "none of the intents"; None: there is none."""
        return reject_label(self.pipeline.model)

    @property
    def intents(self) -> tuple[str, ...]:
        """The labels but the reject label, in the order of their ids."""
        names = label_names(self.pipeline.model)
        return tuple(name for name in names if name != self.reject_label)


@dataclass
class _Slot:
    """One checkpoint in the cache; its lock makes simultaneous callers share one load."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: Loaded | None = None


# Folder and the state of its files; the most recently used is last.
_Key = tuple[Path, tuple[tuple[str, int, int, int], ...]]

_slots: OrderedDict[_Key, _Slot] = OrderedDict()
_slots_lock = threading.Lock()


def loaded(checkpoint: str = BUNDLED) -> Loaded:
    """Return a checkpoint in memory, loaded again only when its files change.

    Raises CheckpointError.
    """
    if known := _unchanged(checkpoint):
        return known
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


def _unchanged(checkpoint: str) -> Loaded | None:
    """Return a checkpoint of this machine that is in memory, if its files are still the same."""
    folder = local_folder(checkpoint)
    if folder is None:
        return None
    with suppress(OSError):  # it is gone, or no folder: `resolve` says so
        key = (folder, _stamp(folder))
        with _slots_lock:
            if key in _slots:
                _slots.move_to_end(key)
                return _slots[key].loaded
    return None


def _stamp(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Return a value that changes when a file of the folder is replaced or written to."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    stats = [(path.name, path.stat()) for path in files]
    return tuple((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def load(checkpoint: str, device: str | None = None) -> Loaded:
    """Load a checkpoint onto a device, by default the best one; raises CheckpointError."""
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

    from intent.models.whisper_own_length import faster_dtype, runs_at_own_length  # imports torch

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
            f"{shown_name(checkpoint)} could not be loaded ({first_line(error)}): its files are "
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
    own_length = runs_at_own_length(model, extractor)
    tries = own_length and device == "cpu"
    dtype = faster_dtype(model, extractor) if tries else torch.float32
    return Loaded(stock, window, longest, device_name(device), own_length, dtype)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, cut to 120 characters."""
    line = str(error).strip().split("\n")[0]
    return line if len(line) <= 120 else line[:117] + "..."
