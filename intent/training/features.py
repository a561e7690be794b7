"""Compute model inputs or activations of clips, once per clip as far as the cache has room for them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from intent import distributed
from intent.audio.augmentation import VERSION, augment
from intent.audio.clip import Clip, resample
from intent.audio.voice_activity import DETECTOR, Spans, find_speech
from intent.data.labelled_clip import LabelledClip
from intent.devices import autocast
from intent.models.encoders import fingerprint
from intent.models.typed import Extractor
from intent.models.whisper_own_length import PADDING, batches, frames_for, spectra
from intent.training.feature_cache import FeatureCache
from intent.training.parallel import in_parallel

BATCH = 4  # sounds per forward pass
CLIPS_PER_BARRIER = 16  # of each process in distributed training


@dataclass(frozen=True)
class FrontEnd:
    """Everything that processes a clip before the trained part: extractor, window, frozen layers."""

    extractor: Extractor
    frozen: torch.nn.Module | None
    window_seconds: int
    fixed_window: bool
    device: str
    dtype: torch.dtype = torch.float32  # of matrix products
    stored: type[np.floating] = np.float16  # activations over time, on disk
    own_length: bool = False  # `frozen` takes the spectra of a clip's own frames, and these frames

    @property
    def input_name(self) -> str:
        """The model's name for its input: "input_features" or "input_values"."""
        return self.extractor.model_input_names[0]

    def key(self) -> str:
        """Return a hash of everything but the clip that the features depend on."""
        parts = [self.extractor.to_json_string(), str(self.window_seconds), str(self.dtype)]
        parts += [f"augmentation {VERSION}"]
        parts += [type(self.frozen).__name__, fingerprint(self.frozen)] if self.frozen else []
        parts += [] if self.stored == np.float16 else [self.stored.__name__]
        parts += [f"own length, {PADDING}"] if self.own_length else []
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]

    @torch.inference_mode()
    def compute(self, clips: Sequence[Clip]) -> list[np.ndarray]:
        """Return the model input or the pooled activations of each clip, float32, or its activations
        over time, (frames, width) of type `stored`.
        """
        rate = self.extractor.sampling_rate
        sounds = [resample(clip, rate).samples for clip in clips]
        if self.own_length:
            return self._at_own_length(sounds)
        size = BATCH if self.fixed_window else 1  # only inputs of one length share a pass
        parts = (sounds[start : start + size] for start in range(0, len(sounds), size))
        return [array for some in parts for array in self._in_one_pass(some)]

    def _at_own_length(self, sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute sounds of one own length together."""
        assert self.frozen is not None
        found: dict[int, torch.Tensor] = {}
        for rows in batches(sounds, self.extractor, BATCH):
            frames = frames_for(len(sounds[rows[0]]), self.extractor)
            inputs = spectra([sounds[row] for row in rows], frames, self.extractor)
            with autocast(self.device, self.dtype):
                found.update(zip(rows, self.frozen(inputs.to(self.device), frames), strict=True))
        return self._arrays(found[row] for row in range(len(sounds)))

    def _in_one_pass(self, sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
        rate = self.extractor.sampling_rate
        limits: dict[str, int | bool] = {}
        if not self.fixed_window:
            limits = {
                "max_length": self.window_seconds * rate,
                "truncation": True,
                "padding": True,
            }
        batch = self.extractor(list(sounds), sampling_rate=rate, return_tensors="pt", **limits)
        inputs = batch[self.input_name]
        if self.frozen is None:
            return list(inputs.numpy())
        with autocast(self.device, self.dtype):
            activations = self.frozen(inputs.to(self.device))
        return self._arrays(activations)

    def _arrays(self, activations: Iterable[torch.Tensor]) -> list[np.ndarray]:
        arrays = [one.float().cpu().numpy() for one in activations]
        return [array.astype(self.stored) if array.ndim > 1 else array for array in arrays]


@dataclass(frozen=True, slots=True)
class Feature:
    """The features of the part that is used of a clip, or of an augmented copy of it."""

    front_end: FrontEnd
    cache: FeatureCache
    clip: LabelledClip
    copy: int = 0  # 0: the clip itself

    @property
    def path(self) -> Path:
        """The file that they are in if they are stored."""
        return self.cache.path(self.clip.part_hash(self.front_end.window_seconds), self.copy)

    def load(self, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
        """Return the stored array, or compute it again."""
        with suppress(FileNotFoundError):
            return np.load(self.path, mmap_mode=mmap_mode)
        return compute_copies(self.front_end, self.clip, [self.copy])[0]


def stored_features(
    front_end: FrontEnd, clips: Sequence[LabelledClip], copies: int, cache: FeatureCache
) -> Iterator[tuple[int, list[Feature]]]:
    """Yield the index of each clip and the features of it and its augmented copies.

    Those missing are computed and stored while there is room. Only the part of a recording that
    `audio/speech_part.py` chooses is used. Clips come in order; several are computed at a time. In
    distributed training each process computes its share.
    """

    def store(clip: LabelledClip) -> list[Feature]:
        return store_features(front_end, clip, copies, cache)

    if distributed.count() == 1:
        yield from enumerate(in_parallel(store, clips))
        return
    size = CLIPS_PER_BARRIER * distributed.count()
    for start in range(0, len(clips), size):
        batch = clips[start : start + size]
        mine = [batch[row] for row in distributed.shard(range(len(batch)))]
        list(in_parallel(store, mine))
        distributed.barrier()
        # Those of the other processes too: another machine has its own cache.
        yield from enumerate(in_parallel(store, batch), start)


def store_features(
    front_end: FrontEnd, clip: LabelledClip, copies: int, cache: FeatureCache
) -> list[Feature]:
    """Return the features of a clip and its augmented copies; store those missing if there is room."""
    found = [Feature(front_end, cache, clip, copy) for copy in range(copies + 1)]
    missing = [] if cache.is_full else [one for one in found if not one.path.exists()]
    if missing:
        arrays = compute_copies(front_end, clip, [one.copy for one in missing])
        for one, array in zip(missing, arrays, strict=True):
            cache.write(one.path, array)
    return found


def compute_copies(
    front_end: FrontEnd, clip: LabelledClip, copies: Sequence[int]
) -> list[np.ndarray]:
    """Compute the features of some augmented copies of a clip."""
    sound = clip.read_part(front_end.window_seconds)
    return front_end.compute([augment(sound, clip.hash, copy) for copy in copies])


def speech_cache() -> FeatureCache:
    """Return the cache of where recordings have speech."""
    return FeatureCache(f"speech-{DETECTOR}")


def cached_speech(clip: Clip, clip_hash: str, cache: FeatureCache) -> Spans:
    """Return the spans of speech in a clip, detected once."""
    file = cache.folder / f"{clip_hash}.npy"
    spans = cache.load_or_compute(file, lambda: np.reshape(find_speech(clip), (-1, 2)))  # (n, 2)
    return tuple((float(start), float(end)) for start, end in spans)
