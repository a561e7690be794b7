"""How long a recipe takes on this machine: its arithmetic, at a rate that is measured here."""

import math
import threading
import time
from collections.abc import Callable

import torch

from intent.devices import best_device, learning_precision
from intent.estimate.flops import LEARNING_PASSES, Arithmetic, ClipCosts, Clips, clip_costs
from intent.models.encoders import WHISPER_FRAMES_PER_SECOND
from intent.models.whisper_padding import CLIPS as PADDING_CLIPS
from intent.recipes import Recipe
from intent.training.leave_one_out.frames import FRAMES
from intent.training.leave_one_out.loss import FOLDS, TESTS

# Of square matrices: enough to keep the device busy as an encoder does, and on a CPU done in a few
# milliseconds, which seldom fall into another process's time.
MATRIX_ROWS = {"cpu": 512, "mps": 2048, "cuda": 4096}
MEASURING_SECONDS = 0.5

# The share of the rate of bare matrix products at which training gets on, measured with Whisper
# tiny.en in float32. Hearing: processor time of one thread, beside that of the products. A
# leave-one-out step: time on two threads, between two measurements of the rate, 0.47 to 0.89 on a
# busy machine. Nothing of this was measured on a GPU.
HEARING_EFFICIENCY = 0.75
LEARNING_EFFICIENCY = 0.7

# Rough guesses, of what counts little beside the arithmetic.
CLIP_SECONDS = 0.01  # to resample a clip or a copy of it, for its spectrogram, and to keep it
START_SECONDS = 8.0  # to read data and base, solve and calibrate the head, and save

_rates: dict[tuple[str, str], float] = {}
_measuring = threading.Lock()


def seconds(recipe: Recipe, clips: Clips, rate: float) -> float:
    """Return about how long a recipe takes at a rate in multiply-adds a second, nothing cached.

    Raises CheckpointError where the base is not at hand or no audio classifier.
    """
    work = arithmetic(recipe, clips)
    heard = clips.train * (recipe.copies + 1) + clips.test
    return (
        START_SECONDS
        + heard * CLIP_SECONDS
        + work.hearing / (rate * HEARING_EFFICIENCY)
        + work.learning / (rate * LEARNING_EFFICIENCY)
    )


def arithmetic(recipe: Recipe, clips: Clips) -> Arithmetic:
    """Return the multiply-adds that training computes, tests and rehearsals included."""
    costs = clip_costs(recipe, clips.seconds)
    hearing = clips.train * (recipe.copies + 1) * costs.frozen + _muting(recipe, costs)
    if recipe.method == "closed-form":
        return Arithmetic(hearing + clips.test * (costs.whole + costs.last), 0)
    if recipe.method == "leave-one-out":
        tests, frames = _last_layer(recipe, clips)
        hearing += clips.test * (costs.whole + tests * costs.last)
        return Arithmetic(hearing, clips.train * frames * costs.learning)
    learnt = LEARNING_PASSES * recipe.epochs * clips.train * (recipe.copies + 1)
    tested = clips.test * (recipe.epochs + 1)
    hearing += clips.test * (costs.frozen + costs.whole)
    return Arithmetic(hearing, (learnt + tested) * costs.learning)


def rate_here(recipe: Recipe, is_training: Callable[[], bool]) -> float | None:
    """Return multiply-adds a second on the device and in the precision that a recipe trains in.

    Measured once in a process, and never while something trains, which would make it small: None
    where it has not been measured before, and where the device has no room for it.
    """
    device = best_device()
    dtype = _precision(recipe, device)
    with _measuring:
        known = _rates.get((device, str(dtype)))
        if known or is_training():
            return known
        try:
            found = multiply_adds_per_second(device, dtype, MATRIX_ROWS[device])
        except RuntimeError:  # no memory left on a GPU that serves somebody else
            return None
        if not is_training():  # nor has begun to meanwhile
            _rates[device, str(dtype)] = found
        return _rates.get((device, str(dtype)))


def is_measured(recipe: Recipe) -> bool:
    """Return whether the rate that a recipe needs has been measured already."""
    device = best_device()
    return (device, str(_precision(recipe, device))) in _rates


def multiply_adds_per_second(device: str, dtype: torch.dtype, rows: int) -> float:
    """Return the best rate of products of `rows` x `rows` matrices in half a second, three at least.

    The best, since whatever else the machine does for a moment only makes one slower.
    """
    left, right = (torch.randn(rows, rows, device=device).to(dtype) for _ in "ab")
    left @ right  # warms up
    best, started, count = math.inf, time.perf_counter(), 0
    while count < 3 or time.perf_counter() - started < MEASURING_SECONDS:
        _wait(device)
        before = time.perf_counter()
        left @ right
        _wait(device)
        best, count = min(best, time.perf_counter() - before), count + 1
    return rows**3 / best


def _muting(recipe: Recipe, costs: ClipCosts) -> int:
    """What it takes to learn what padding looks like, where the base does not know it."""
    return PADDING_CLIPS * costs.whole if recipe.mute_padding and costs.mutes_padding else 0


def _last_layer(recipe: Recipe, clips: Clips) -> tuple[int, float]:
    """How often the test clips are asked, and the frames of each training clip in the last layer.

    Each frame that is drawn is learnt from; before each test, all of them are heard to solve a
    head: on the clips alone, in the end and after the rehearsal on their copies, too.
    """
    sittings = 1 + (FOLDS - 1) / FOLDS  # the rehearsal leaves a part out
    own = min(clips.seconds, recipe.window_seconds) * WHISPER_FRAMES_PER_SECOND
    solved = min(TESTS, recipe.epochs) + sittings * (recipe.copies + 1)
    drawn = LEARNING_PASSES * sittings * recipe.epochs * FRAMES
    return min(TESTS, recipe.epochs) + 1, drawn + solved * own


def _precision(recipe: Recipe, device: str) -> torch.dtype:
    return learning_precision(device) if recipe.mixed_precision else torch.float32


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
