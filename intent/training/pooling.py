"""Clips to rows: the mean over time of what a frozen encoder makes of each, its padding left out."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch

from intent.data.labelled_clip import LabelledClip
from intent.devices import autocast
from intent.models.encoders import WHISPER_FRAMES_PER_SECOND, hears_fixed_window
from intent.models.split import PooledEncoder
from intent.models.whisper_ffn import FeedForward, FeedForwardInput
from intent.training.context import Work
from intent.training.features import FeatureCache, FrontEnd, feature_files


def pooled_rows(work: Work, clips: Sequence[LabelledClip]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each clip's index, and a row for it and for each of its altered copies.

    Rows are (copies + 1, width + 1) float32, as PooledEncoder gives them. Of a Whisper encoder what
    its last feed-forward network gets is kept as well, so that a last layer that is to learn from
    the same clips need not hear them again.
    """
    copies = work.recipe.copies
    if not hears_fixed_window(work.model):
        front_end = _front_end(work, PooledEncoder(work.model).eval())
        for index, files in feature_files(front_end, clips, copies, FeatureCache(front_end.key())):
            yield index, np.stack([np.load(file) for file in files])
        return
    front_end, network = below_last_network(work), FeedForward(work.model)
    cache = FeatureCache(front_end.key())

    def heard(clip: LabelledClip) -> np.ndarray:
        _, streams = next(feature_files(front_end, [clip], copies, cache))
        return pool(work, network, [np.load(stream) for stream in streams], work.dtype)

    for index, clip in enumerate(clips):
        file = cache.folder / f"{clip.hash}-pooled-{copies}.npy"
        yield index, cache.kept(file, partial(heard, clip))


def below_last_network(work: Work) -> FrontEnd:
    """Return the front end that hears a clip up to a Whisper encoder's last feed-forward network."""
    return _front_end(work, FeedForwardInput(work.model))


@torch.inference_mode()
def pool(
    work: Work, network: FeedForward, streams: Sequence[np.ndarray], dtype: torch.dtype
) -> np.ndarray:
    """Return a row (width + 1,) for each stream (frames, width) that the network gets of a clip.

    `dtype` is that in which the network multiplies; rows are float32.
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
        hears_fixed_window(work.model),
        work.device,
        work.dtype,
    )
