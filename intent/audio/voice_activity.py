"""Was anything said? Silero's voice-activity network, on plain torch.

The package `silero-vad` brings the weights and is never imported: importing it would set torch's
number of threads to one for the whole process, and its TorchScript model keeps state between
calls, so that visitors who speak at once would wait for each other. The network is small enough
to be written out here; a test compares it with the package's own model.
"""

import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intent.audio.clip import Clip, resample

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 16_000  # Hz, what the network was trained on
FRAME_SAMPLES = 512  # 32 ms: one probability each
CONTEXT_SAMPLES = 64  # the end of the frame before, heard again with each frame
STFT_PADDING = 64  # samples mirrored at a frame's end, so that four spectra fit in it
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
BLOCK_FRAMES = 512  # 16 s at a time: bounds memory, and has_speech may stop after any of them

MIN_PROBABILITY = 0.5  # a frame is speech from here on; Silero's own default
MIN_RUN_FRAMES = 4  # 0.13 s: a shorter run of such frames is a click or a plucked note
MIN_SPEECH_SECONDS = 0.25  # less is not a word

TARGET_LEVEL = 0.1  # RMS of the loudest quarter second once levelled, full scale being 1
MAX_GAIN = 100.0  # 40 dB, so that the hiss of a silent recording is not blown up
LEVEL_SECONDS = 0.25

State = tuple["torch.Tensor", "torch.Tensor"]  # the LSTM's h and c, each (1, 128)
Network = Callable[["torch.Tensor", State | None], tuple["torch.Tensor", State]]


def speech_seconds(clip: Clip) -> float:
    """Seconds of speech heard in the clip, from 0 to about its duration.

    Runs of speech shorter than 0.13 s do not count.
    """
    return _seconds_in_runs(np.concatenate([np.zeros(0), *_probabilities(clip)]))


def has_speech(clip: Clip) -> bool:
    """Whether at least 0.25 s of speech is heard; listens only until that much was."""
    heard = np.zeros(0)
    for block in _probabilities(clip):
        heard = np.concatenate([heard, block])
        if _seconds_in_runs(heard) >= MIN_SPEECH_SECONDS:
            return True
    return False


def _seconds_in_runs(probabilities: np.ndarray) -> float:
    is_speech = np.concatenate([[False], probabilities >= MIN_PROBABILITY, [False]])
    starts, ends = np.flatnonzero(np.diff(is_speech)).reshape(-1, 2).T
    runs = ends - starts
    return float(runs[runs >= MIN_RUN_FRAMES].sum() * FRAME_SECONDS)


def _probabilities(clip: Clip) -> Iterator[np.ndarray]:
    """The probability of speech in each 32 ms, in blocks of up to 512, each (frames,) in 0..1."""
    import torch

    samples = _levelled(resample(clip, SAMPLE_RATE).samples)
    padding = (CONTEXT_SAMPLES, -len(samples) % FRAME_SAMPLES)
    samples = torch.from_numpy(np.pad(samples, padding))
    if len(samples) < CONTEXT_SAMPLES + FRAME_SAMPLES:
        return
    frames = samples.unfold(0, CONTEXT_SAMPLES + FRAME_SAMPLES, FRAME_SAMPLES)  # (n, 576)
    network, state = _load_network(), None
    for block in frames.split(BLOCK_FRAMES):
        with torch.inference_mode():
            probabilities, state = network(block, state)
        yield probabilities.numpy()


def _levelled(samples: np.ndarray) -> np.ndarray:
    """Samples without offset, the loudest quarter second at -20 dB, raised by 40 dB at most."""
    if not len(samples):
        return samples
    offset = samples.mean(dtype=np.float64)
    width = min(int(LEVEL_SECONDS * SAMPLE_RATE), len(samples))
    parts = [slice(start, start + width) for start in range(0, len(samples), width)]
    whole = parts[: len(samples) // width]
    # In float64, but a part at a time: five minutes at once would be 38 MB a copy.
    power = max(np.square(samples[part] - offset).mean() for part in whole)
    gain = min(MAX_GAIN, TARGET_LEVEL / max(np.sqrt(power), 1e-9))
    levelled = np.empty(len(samples), np.float32)
    for part in parts:
        levelled[part] = (samples[part] - offset) * gain
    return levelled


@functools.cache
def _load_network() -> Network:
    """Silero VAD 6 at 16 kHz, as a function of its input and state alone: any thread may call it.

    Its spectra are a convolution with a fixed Fourier basis, 129 cosines then 129 sines.
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
            x = convolve(x, layer, stride)  # (n, 128, 1) in the end
        hidden, state = lstm(x[:, :, 0], state)  # (n, 128): the frames are the sequence
        weight, bias = weights["decoder.decoder.2.weight"], weights["decoder.decoder.2.bias"]
        return functional.linear(hidden.relu(), weight[:, :, 0], bias)[:, 0].sigmoid(), state

    return network


def _load_weights() -> dict[str, "torch.Tensor"]:
    """The 16 kHz weights of the package's TorchScript model, by name.

    The package's safetensors file would be simpler to read, but holds an older network: of 1,624
    synthesised noises and melodies it heard 0.1 s of speech in 16, where this one heard none.
    """
    import torch

    package = importlib.util.find_spec("silero_vad")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("silero-vad is missing: run pip install -r requirements.txt")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", DeprecationWarning)
        model = torch.jit.load(Path(package.origin).parent / "data" / "silero_vad.jit", "cpu")
    prefix = "_model."  # the 8 kHz network beside it is "_model_8k."
    return {
        k.removeprefix(prefix): v for k, v in model.state_dict().items() if k.startswith(prefix)
    }
