"""Estimate the duration of a recipe: its multiply-adds, at a rate measured on this machine.

Accurate to about a factor of two on an idle machine. During a run, the time left is estimated from
its own speed (`ProgressMeter` in intent/training/context.py).
"""

import threading
import time

import torch

from intent.devices import autocast, best_device, training_precision
from intent.estimate.flops import Clips, recipe_cost
from intent.recipes import Recipe

# The encoder layer that is timed: Whisper tiny's, on a window of 15 s.
WIDTH, HEADS, FRAMES = 384, 6, 750
LAYER_COST = 12 * FRAMES * WIDTH**2 + 2 * FRAMES**2 * WIDTH  # multiply-adds
REPETITIONS = 5

CLIP_SECONDS = 0.01  # per clip and copy: resampling, spectrogram, writing the features
START_SECONDS = 8.0  # loading the data and the base, fitting the head, saving

_rates: dict[tuple[str, torch.dtype], float] = {}
_measuring = threading.Lock()


def seconds(recipe: Recipe, clips: Clips, rate: float) -> float:
    """Return the estimated duration at a rate in multiply-adds per second, without a cache.

    Raises CheckpointError if the base is not available or does not classify audio.
    """
    computed = clips.train * (recipe.copies + 1) + clips.test
    return START_SECONDS + computed * CLIP_SECONDS + recipe_cost(recipe, clips) / rate


def rate_here(recipe: Recipe) -> float | None:
    """Return the multiply-adds per second of this machine in the precision of a recipe.

    Measured once per process, in a fraction of a second. None if the device has no memory left.
    """
    device, dtype = _device_and_dtype(recipe)
    with _measuring:
        if (device, dtype) not in _rates:
            try:
                _rates[device, dtype] = multiply_adds_per_second(device, dtype)
            except RuntimeError:  # CUDA: another process uses the memory
                return None
        return _rates[device, dtype]


def is_measured(recipe: Recipe) -> bool:
    """Return whether the rate for a recipe is already known."""
    return _device_and_dtype(recipe) in _rates


def multiply_adds_per_second(device: str, dtype: torch.dtype) -> float:
    """Return the rate of an encoder layer; that of matrix products alone would be too high.

    On a CPU, the processor time of one thread is measured and the rate multiplied by the number of
    threads, so that other load on the machine does not count.
    """
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, device=device
    )
    frames = torch.randn(1, FRAMES, WIDTH, device=device)
    threads = torch.get_num_threads()
    units, clock = (threads, time.thread_time) if device == "cpu" else (1, time.perf_counter)
    try:
        if device == "cpu":
            torch.set_num_threads(1)
        with torch.no_grad(), autocast(device, dtype):
            layer(frames).sum().item()  # warm-up; `item` waits for the device
            start = clock()
            for _ in range(REPETITIONS):
                layer(frames).sum().item()
            return units * REPETITIONS * LAYER_COST / (clock() - start)
    finally:
        torch.set_num_threads(threads)


def _device_and_dtype(recipe: Recipe) -> tuple[str, torch.dtype]:
    device = best_device()
    return device, training_precision(device) if recipe.mixed_precision else torch.float32
