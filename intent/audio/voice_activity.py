"""Detect speech, with Silero's voice-activity network on plain torch.

The package `silero-vad` provides the weights and is never imported: importing it sets torch to one
thread for the whole process, and its TorchScript model keeps state between calls, so that concurrent
requests would have to wait for each other. The network is small enough to be implemented here; a
test compares it with the package's own model.
"""

import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intent.audio.clip import Clip, resample
from intent.audio.level import loudest_rms

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 16_000  # Hz, what the network was trained on
FRAME_SAMPLES = 512  # 32 ms, with one probability
CONTEXT_SAMPLES = 64  # the end of the previous frame, repeated before each frame
STFT_PADDING = 64  # samples mirrored at the end of a frame, so that it has four spectra
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
BLOCK_FRAMES = 512  # 16 s: bounds memory
NORMALIZED_SAMPLES = 65_536  # at a time: five minutes at once would take 38 MB in float64

MIN_PROBABILITY = 0.5  # of a speech frame; Silero's own default
MIN_SPAN_FRAMES = 4  # 0.13 s: a shorter span of speech frames is a click or a plucked note
DETECTOR = "silero-6-1"  # names cached results: count up when a change here may change them

TARGET_LEVEL = 0.1  # RMS of the loudest quarter second after normalization
LEVEL_KEPT = 0.8  # of the loudest level so far, after each 16 s of a stream
MAX_GAIN = 100.0  # 40 dB: a higher gain would turn the hiss of a silent recording into noise

Spans = tuple[tuple[float, float], ...]  # start and end in s, in order
State = tuple["torch.Tensor", "torch.Tensor"]  # the LSTM's h and c, each (1, 128)
Network = Callable[["torch.Tensor", State | None], tuple["torch.Tensor", State]]


def find_speech(clip: Clip) -> Spans:
    """Return the spans of speech in a clip, in order; those shorter than 0.13 s do not count."""
    return speech_spans(np.concatenate([np.zeros(0), *frame_probabilities(clip)]))


def speech_spans(probabilities: np.ndarray) -> Spans:
    """Return the spans of speech in the probabilities of frames (n,)."""
    return tuple(
        (float(start * FRAME_SECONDS), float(end * FRAME_SECONDS))
        for start, end in frame_spans(probabilities >= MIN_PROBABILITY)
    )


def frame_spans(is_speech: np.ndarray) -> list[tuple[int, int]]:
    """Return the first frame of each span of speech and the first one after it, for frames (n,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_speech, [False]])))
    spans = edges.reshape(-1, 2).tolist()
    return [(start, end) for start, end in spans if end - start >= MIN_SPAN_FRAMES]


def frame_probabilities(clip: Clip) -> Iterator[np.ndarray]:
    """Yield the speech probability of each 32 ms, in blocks of up to 512, each (frames,) in 0..1."""
    import torch

    samples = normalize_level(resample(clip, SAMPLE_RATE).samples)
    padded = np.pad(samples, (CONTEXT_SAMPLES, -len(samples) % FRAME_SAMPLES))
    if len(padded) < CONTEXT_SAMPLES + FRAME_SAMPLES:
        return
    frames = torch.from_numpy(padded).unfold(0, CONTEXT_SAMPLES + FRAME_SAMPLES, FRAME_SAMPLES)
    network, state = load_network(), None
    for block in frames.split(BLOCK_FRAMES):  # (up to 512, 576)
        with torch.inference_mode():
            probabilities, state = network(block, state)
        yield probabilities.numpy()


def stream_probabilities(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield 16 s of samples at a time, (n,) float32, with the speech probability of each 32 ms.

    `blocks` of any length are at 16 kHz. The last frame may be partial. The gain, which for a clip
    follows from its loudest quarter second, here follows from the loudest so far, forgotten by
    2 dB per 16 s: louder passages after a quiet one, and the reverse, each get their own.
    """
    import torch

    network, state = load_network(), None
    level, context = 0.0, None
    for samples in _regrouped(blocks, BLOCK_FRAMES * FRAME_SAMPLES):
        level = max(loudest_rms(samples, SAMPLE_RATE), level * LEVEL_KEPT)
        gain = gain_for(level)
        offset = samples.mean(dtype=np.float64)
        before = np.full(CONTEXT_SAMPLES, offset) if context is None else context
        normalized = ((np.concatenate([before, samples]) - offset) * gain).astype(np.float32)
        padded = np.pad(normalized, (0, -len(samples) % FRAME_SAMPLES))
        frames = torch.from_numpy(padded).unfold(0, CONTEXT_SAMPLES + FRAME_SAMPLES, FRAME_SAMPLES)
        with torch.inference_mode():
            probabilities, state = network(frames, state)
        context = samples[-CONTEXT_SAMPLES:]
        yield samples, probabilities.numpy()


def _regrouped(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield the samples of all blocks, `size` at a time; the last block may be shorter."""
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        while count >= size:
            joined = np.concatenate(held)
            yield joined[:size]
            held, count = [joined[size:]], count - size
    if count:
        yield np.concatenate(held)


def gain_for(level: float) -> float:
    """Return the factor, at most 40 dB, that brings the loudest quarter second (its RMS) to -20 dB."""
    return min(MAX_GAIN, TARGET_LEVEL / max(level, 1e-9))


def normalize_level(samples: np.ndarray) -> np.ndarray:
    """Return 16 kHz samples without offset, amplified until the loudest quarter second is -20 dB.

    The gain is at most 40 dB.
    """
    if not len(samples):
        return samples
    offset = samples.mean(dtype=np.float64)
    gain = gain_for(loudest_rms(samples, SAMPLE_RATE))
    normalized = np.empty(len(samples), np.float32)
    for start in range(0, len(samples), NORMALIZED_SAMPLES):
        part = slice(start, start + NORMALIZED_SAMPLES)
        normalized[part] = (samples[part] - offset) * gain
    return normalized


@functools.cache
def load_network() -> Network:
    """Return Silero VAD 6 at 16 kHz as a pure function of input and state, safe in any thread.

    It computes spectra by a convolution with a fixed Fourier basis: 129 cosines, then 129 sines.
    """
    import torch
    from torch.nn import functional

    weights = _load_weights()
    lstm = torch.nn.LSTM(input_size=128, hidden_size=128)
    prefix = "decoder.rnn."
    lstm.load_state_dict(
        {f"{k.removeprefix(prefix)}_l0": v for k, v in weights.items() if k.startswith(prefix)}
    )
    lstm.requires_grad_(False)

    def convolve(x: torch.Tensor, layer: int, stride: int) -> torch.Tensor:
        name = f"encoder.{layer}.reparam_conv"
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.conv1d(x, weight, bias, stride=stride, padding=1).relu()

    def network(frames: torch.Tensor, state: State | None) -> tuple[torch.Tensor, State]:
        x = functional.pad(frames[:, None], (0, STFT_PADDING), mode="reflect")  # (n, 1, 640)
        x = functional.conv1d(x, weights["stft.forward_basis_buffer"], stride=128)  # (n, 258, 4)
        x = (x[:, :129].square() + x[:, 129:].square()).sqrt()  # (n, 129, 4)
        for layer, stride in enumerate((1, 2, 2, 1)):
            x = convolve(x, layer, stride)  # (n, 128, 1) after the last layer
        hidden, state = lstm(x[:, :, 0], state)  # (n, 128): the LSTM runs along the frames
        weight, bias = weights["decoder.decoder.2.weight"], weights["decoder.decoder.2.bias"]
        return functional.linear(hidden.relu(), weight[:, :, 0], bias)[:, 0].sigmoid(), state

    return network


def _load_weights() -> dict[str, "torch.Tensor"]:
    """Return the 16 kHz weights of the package's TorchScript model, by name.

    The package's safetensors file would be simpler to read, but has an older network: it detected
    0.1 s of speech in 16 of 1,624 synthesized noises and melodies, and this network in none.
    """
    import torch

    package = importlib.util.find_spec("silero_vad")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("silero-vad is missing: run pip install -r requirements.txt")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", DeprecationWarning)
        model = torch.jit.load(Path(package.origin).parent / "data" / "silero_vad.jit", "cpu")
    prefix = "_model."  # that of the 8 kHz network is "_model_8k."
    return {
        k.removeprefix(prefix): v for k, v in model.state_dict().items() if k.startswith(prefix)
    }
