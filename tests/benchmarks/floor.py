"""The least arithmetic that a recipe needs, and the rate of matrix products."""

import math
import time
from dataclasses import dataclass

import torch

from intent.estimate.flops import TRAINING_PASSES, Clips, clip_cost
from intent.models.whisper_window import WHISPER_FRAMES_PER_SECOND
from intent.recipes import Recipe
from intent.training.leave_one_out.frames import FRAMES

MEASURING_SECONDS = 0.5


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-adds of a recipe: of frozen layers, and of training and evaluating the others."""

    features: int
    training: int

    @property
    def total(self) -> int:
        """All multiply-adds."""
        return self.features + self.training


def arithmetic(recipe: Recipe, clips: Clips) -> Arithmetic:
    """Return the matrix products and convolutions that a recipe cannot do without.

    Frozen layers run once per clip and augmented copy, with the recipe's window (other encoders:
    the mean clip); trained layers run forward and backward once per epoch, and once over the test
    clips. Fitting and calibrating a head are not counted.
    """
    cost = clip_cost(recipe, clips.seconds)
    frozen = cost.whole - cost.trained
    features = (clips.train * (recipe.copies + 1) + clips.test) * frozen
    if recipe.method == "closed-form":
        return Arithmetic(features, 0)
    trained = TRAINING_PASSES * recipe.epochs * clips.train
    if recipe.method == "leave-one-out":
        frames = min(clips.seconds, recipe.window_seconds) * WHISPER_FRAMES_PER_SECOND
        return Arithmetic(features, round(trained * FRAMES / frames * cost.trained))
    return Arithmetic(features, (trained * (recipe.copies + 1) + clips.test) * cost.trained)


def multiply_adds_per_second(device: str, dtype: torch.dtype, rows: int) -> float:
    """Return the best rate of products of `rows` x `rows` matrices, measured for half a second."""
    left, right = (torch.randn(rows, rows, device=device).to(dtype) for _ in "ab")
    (left @ right).sum().item()  # warm-up; `item` waits for the device
    best, started, count = math.inf, time.perf_counter(), 0
    while count < 3 or time.perf_counter() - started < MEASURING_SECONDS:
        before = time.perf_counter()
        (left @ right)[0, 0].item()
        best, count = min(best, time.perf_counter() - before), count + 1
    return rows**3 / best
