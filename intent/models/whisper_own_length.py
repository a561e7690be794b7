"""Run a Whisper encoder at a clip's own length, with a few frames in place of all the padding.

A stock Whisper classifier computes every frame of its window, though most clips fill only a part.
Behind a clip, the encoder's input is one constant plus the position embedding, a set of sinusoids;
and attention and the mean over time only add frames up. So a few padding frames, each counted as
often as it stands for others, give nearly the same sums: a frame that is counted n times gets log n
added to its attention scores, and the weight n in the mean. They stand in blocks, since some
attention heads look only at the neighbors of a frame, and a block spans the shortest sinusoid.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import gelu

from intent.devices import autocast
from intent.models.typed import Extractor, linear_head, whisper_encoder
from intent.models.whisper_padding import padding_neuron

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

HOPS_PER_FRAME = 2  # the second convolution halves the spectrum's frames
BUCKET_FRAMES = 25  # 0.5 s: own lengths are rounded up, so that clips share batches
TAIL_FRAMES = 2  # inputs computed behind the own frames: plain padding, and the window's last frame
TRIAL_SECONDS, TRIALS = 4, 3  # of sound; passes in each dtype to find the faster one
REACH_FRAMES = 2  # behind a clip's last sample that the spectrum and the convolutions spread it to


@dataclass(frozen=True)
class Padding:
    """The frames that stand for all the padding of a window."""

    first: int  # at its start, each for itself: attention is drawn to both ends
    last: int  # at its end
    blocks: int  # between them; each stands for an equal part
    block: int  # frames of a block

    @property
    def frames(self) -> int:
        """The number of all these frames."""
        return self.first + self.blocks * self.block + self.last


PADDING = Padding(first=16, last=8, blocks=4, block=16)


@dataclass(frozen=True)
class Frames:
    """The frames that are computed of a window: `own` from its start, then some of the padding.

    If `own` is the whole window, all frames are computed, as stock Whisper does.
    """

    own: int
    window: int
    padding: Padding = PADDING

    @property
    def is_whole(self) -> bool:
        """Whether every frame of the window is computed."""
        return self.own == self.window

    @property
    def spectrum_frames(self) -> int:
        """The length of the spectrum to compute."""
        return HOPS_PER_FRAME * (self.own if self.is_whole else self.own + TAIL_FRAMES)

    @cached_property
    def positions(self) -> np.ndarray:
        """The positions (n,) int of the computed frames in the window, in order."""
        if self.is_whole:
            return np.arange(self.window)
        size = self.padding.block
        blocks = [np.arange(size) + (a + b - size) // 2 for a, b in self._parts]
        first = np.arange(self.own + self.padding.first)
        last = np.arange(self.window - self.padding.last, self.window)
        return np.concatenate([first, *blocks, last])

    @cached_property
    def counts(self) -> np.ndarray:
        """How many frames of the window each computed frame stands for, (n,) int."""
        if self.is_whole:
            return np.ones(self.window, int)
        size = self.padding.block
        shares = [np.diff(np.arange(size + 1) * (b - a) // size) for a, b in self._parts]
        first = np.ones(self.own + self.padding.first, int)
        return np.concatenate([first, *shares, np.ones(self.padding.last, int)])

    @property
    def _parts(self) -> list[tuple[int, int]]:
        """The bounds of the parts of the padding that blocks stand for."""
        start, end = self.own + self.padding.first, self.window - self.padding.last
        count = self.padding.blocks
        edges = [start + (end - start) * part // count for part in range(count + 1)]
        return list(pairwise(edges))


def runs_at_own_length(model: "PreTrainedModel", extractor: Extractor) -> bool:
    """Return whether a model's answers need only the frames of the clip: its padding is muted."""
    return padding_neuron(model) is not None and not getattr(extractor, "dither", 0.0)


def frames_for(samples: int, extractor: Extractor, padding: Padding = PADDING) -> Frames:
    """Return the frames to compute for a clip of so many samples at the extractor's rate."""
    per_frame = HOPS_PER_FRAME * extractor.hop_length
    window = extractor.nb_max_frames // HOPS_PER_FRAME
    needed = math.ceil(samples / per_frame) + REACH_FRAMES
    own = BUCKET_FRAMES * math.ceil(needed / BUCKET_FRAMES)
    return Frames(own if own + padding.frames < window else window, window, padding)


def whole_window(inputs: torch.Tensor) -> Frames:
    """Return the frames of spectra (..., spectrum frames) that fill a window."""
    window = inputs.shape[-1] // HOPS_PER_FRAME
    return Frames(window, window)


def batches(sounds: Sequence[np.ndarray], extractor: Extractor, size: int) -> Iterator[list[int]]:
    """Yield the rows of up to `size` sounds that have the same frames to compute, shortest first."""
    of_frames: dict[int, list[int]] = {}
    for row, sound in enumerate(sounds):
        of_frames.setdefault(frames_for(len(sound), extractor).own, []).append(row)
    for own in sorted(of_frames):
        rows = of_frames[own]
        yield from (rows[start : start + size] for start in range(0, len(rows), size))


def spectra(sounds: Sequence[np.ndarray], frames: Frames, extractor: Extractor) -> torch.Tensor:
    """Return the log-mel spectra (clips, mels, frames.spectrum_frames) of sounds at the rate."""
    length = frames.spectrum_frames * extractor.hop_length
    batch = extractor(
        list(sounds),
        sampling_rate=extractor.sampling_rate,
        return_tensors="pt",
        padding="max_length",
        max_length=length,
    )
    return batch["input_features"]


def encode(encoder: "WhisperEncoder", inputs: torch.Tensor, frames: Frames) -> torch.Tensor:
    """Return the encoder's output (clips, n, width) for spectra as from `spectra`.

    n is the number of computed frames: see `Frames.positions` and `Frames.counts`.
    """
    if frames.is_whole:
        return encoder(inputs).last_hidden_state
    sound = gelu(encoder.conv2(gelu(encoder.conv1(inputs)))).transpose(1, 2)
    plain, last = sound[:, -TAIL_FRAMES, None], sound[:, -1:]
    padding = plain.expand(-1, frames.padding.frames - 1, -1)
    sound = torch.cat([sound[:, : frames.own], padding, last], dim=1)
    hidden = sound + encoder.embed_positions.weight[torch.from_numpy(frames.positions)]
    counts = torch.from_numpy(frames.counts).to(hidden)
    scores = counts.log().expand(len(hidden), 1, hidden.shape[1], -1)  # added before the softmax
    for layer in encoder.layers:
        hidden = layer(hidden, scores)
    return encoder.layer_norm(hidden)


def logits_of(model: "PreTrainedModel", encoded: torch.Tensor, frames: Frames) -> torch.Tensor:
    """Return the logits (clips, classes) of a stock classifier for the output of `encode`."""
    projector, classifier = linear_head(model)
    projected = projector(encoded)
    counts = torch.from_numpy(frames.counts).to(projected)
    pooled = torch.einsum("cnw,n->cw", projected, counts) / frames.window
    return classifier(pooled)


def logits(
    model: "PreTrainedModel",
    sounds: Sequence[np.ndarray],
    extractor: Extractor,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Return the logits (clips, classes) of sounds (n,) at the extractor's rate.

    They share the own length of the longest one. `dtype` is that of the encoder's matrix products.
    """
    frames = frames_for(max(map(len, sounds)), extractor)
    encoder = whisper_encoder(model)
    inputs = spectra(sounds, frames, extractor).to(encoder.conv1.weight)
    is_single = inputs.dtype == torch.float32  # a model in half precision multiplies in its own
    with autocast(model.device.type, dtype if is_single else torch.float32):
        encoded = encode(encoder, inputs, frames)
    return logits_of(model, encoded.float(), frames)


def faster_dtype(model: "PreTrainedModel", extractor: Extractor) -> torch.dtype:
    """Return the dtype of matrix products with which this CPU runs an encoder faster, by trying.

    bfloat16 rounds, so it must save a quarter of the time. Takes less than half a second.
    """
    encoder = whisper_encoder(model)
    frames = frames_for(TRIAL_SECONDS * extractor.sampling_rate, extractor)
    inputs = torch.zeros(1, encoder.conv1.in_channels, frames.spectrum_frames)
    seconds = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for _ in range(TRIALS):
        for dtype in seconds:
            start = time.thread_time()  # whatever else keeps the machine busy does not count
            with torch.inference_mode(), autocast("cpu", dtype):
                encode(encoder, inputs, frames)
            seconds[dtype] = min(seconds[dtype], time.thread_time() - start)
        if seconds[torch.bfloat16] > 2 * seconds[torch.float32]:
            break  # this CPU emulates it
    is_faster = seconds[torch.bfloat16] < 0.75 * seconds[torch.float32]
    return torch.bfloat16 if is_faster else torch.float32
