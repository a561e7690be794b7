"""Compute pooled rows: a frozen encoder's output, averaged over time without the padding."""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch

from intent.data.labelled_clip import LabelledClip
from intent.devices import autocast
from intent.models.encoders import has_fixed_window
from intent.models.split import PooledEncoder
from intent.models.whisper_ffn import FeedForward, FeedForwardInput
from intent.models.whisper_own_length import runs_at_own_length
from intent.models.whisper_window import WHISPER_FRAMES_PER_SECOND
from intent.training.context import Work
from intent.training.feature_cache import FeatureCache
from intent.training.features import FrontEnd, store_features, stored_features
from intent.training.parallel import in_parallel


def pooled_rows(work: Work, clips: Sequence[LabelledClip]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the index of each clip, and a row for it and for each of its augmented copies.

    Rows are (copies + 1, width + 1) float32, as from PooledEncoder. For a Whisper encoder the
    input of its last feed-forward network is cached too, so that fine-tuning the last layer on the
    same clips need not run the layers below again.
    """
    copies = work.recipe.copies
    if not has_fixed_window(work.model):
        front_end = _front_end(work, PooledEncoder(work.model).eval())
        cache = FeatureCache(front_end.key())
        for index, features in stored_features(front_end, clips, copies, cache):
            yield index, np.stack([one.load() for one in features])
        return
    front_end, network = below_last_network(work), FeedForward(work.model)
    cache = FeatureCache(front_end.key())

    def compute(clip: LabelledClip) -> np.ndarray:
        features = store_features(front_end, clip, copies, cache)
        return pool(work, network, [one.load() for one in features], work.dtype)

    def rows_of(clip: LabelledClip) -> np.ndarray:
        part = clip.part_hash(work.recipe.window_seconds)
        file = cache.folder / f"{part}-pooled-{copies}.npy"
        return cache.load_or_compute(file, partial(compute, clip))

    yield from enumerate(in_parallel(rows_of, clips))


def below_last_network(work: Work) -> FrontEnd:
    """Return the front end up to the last feed-forward network of a Whisper encoder."""
    frozen = FeedForwardInput(work.model)
    own_length = runs_at_own_length(work.model, work.extractor)
    return dataclasses.replace(_front_end(work, frozen), own_length=own_length)


@torch.inference_mode()
def pool(
    work: Work, network: FeedForward, streams: Sequence[np.ndarray], dtype: torch.dtype
) -> np.ndarray:
    """Return a row (width + 1,) for each stream (frames, width) at the network's input.

    `dtype` is that of the network's matrix products; rows are float32.
    """
    window = work.recipe.window_seconds * WHISPER_FRAMES_PER_SECOND
    lengths = [len(stream) for stream in streams]
    frames = torch.from_numpy(np.concatenate(streams)).float().to(work.device)
    with autocast(work.device, dtype):
        output = network(frames).float()
    means = torch.stack([part.mean(0) for part in output.split(lengths)]).cpu().numpy()
    return np.column_stack([means, np.array(lengths) / window]).astype(np.float32)


def _front_end(work: Work, frozen: torch.nn.Module) -> FrontEnd:
    return FrontEnd(
        work.extractor,
        frozen,
        work.recipe.window_seconds,
        has_fixed_window(work.model),
        work.device,
        work.dtype,
    )
