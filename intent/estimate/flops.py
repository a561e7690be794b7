"""Count the multiply-adds of a recipe, from the shapes of the model's modules.

Modules are built from the base's config on torch's meta device: counting needs no weights, no
computation, and a fraction of a second.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from intent.models.encoders import family, has_fixed_window, load_shapes
from intent.models.split import split_model
from intent.models.typed import Extractor
from intent.models.whisper_ffn import FeedForward
from intent.models.whisper_own_length import PADDING
from intent.models.whisper_window import WHISPER_FRAMES_PER_SECOND
from intent.recipes import WHISPER, Recipe

TRAINING_PASSES = 3  # forward, gradients of activations, gradients of weights


@dataclass(frozen=True)
class Clips:
    """The number of training and test clips, and their mean length in seconds."""

    train: int
    test: int
    seconds: float


@dataclass(frozen=True)
class ClipCost:
    """Multiply-adds of one forward pass for one clip of mean length."""

    whole: int  # through the whole classifier
    trained: int  # through the part that is trained


def recipe_cost(recipe: Recipe, clips: Clips) -> int:
    """Return the multiply-adds of a training with its evaluations, without anything cached.

    Raises CheckpointError if the base is not available or does not classify audio.
    """
    cost = clip_cost(recipe, clips.seconds)
    copies = clips.train * (recipe.copies + 1)
    own = copies * _own_share(recipe, clips.seconds) + 2 * clips.test
    total = round(own * cost.whole)
    if recipe.method == "leave-one-out":
        # An epoch trains on some frames of each clip, and does so again for calibration; every few
        # epochs a head is fitted on all frames. Together: about two passes per clip and epoch.
        total += 2 * recipe.epochs * clips.train * cost.trained
    elif recipe.method == "fine-tune":
        total += recipe.epochs * (TRAINING_PASSES * copies + clips.test) * cost.trained
    return total


def clip_cost(recipe: Recipe, seconds: float) -> ClipCost:
    """Count the multiply-adds for a clip of this many seconds, cut to the recipe's window.

    A Whisper encoder always computes its whole window. Raises CheckpointError.
    """
    layers = recipe.trainable_layers if recipe.method == "fine-tune" else 0
    return _clip_cost(recipe.base, recipe.method, recipe.window_seconds, layers, seconds)


def _own_share(recipe: Recipe, seconds: float) -> float:
    """Return the share of a window that is computed of a training clip (whisper_own_length.py)."""
    by_gradient = recipe.method == "fine-tune"
    if by_gradient or not recipe.mute_padding or family(recipe.base) != WHISPER:
        return 1.0
    frames = WHISPER_FRAMES_PER_SECOND * min(seconds, recipe.window_seconds) + PADDING.frames
    return min(1.0, frames / (WHISPER_FRAMES_PER_SECOND * recipe.window_seconds))


def multiply_adds(module: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Return the multiply-adds of a forward pass: matrix products, attention, convolutions."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(inputs)
    return counter.get_total_flops() // 2


@functools.lru_cache(maxsize=256)
def _clip_cost(
    base: str, method: str, window: int, trainable_layers: int | None, seconds: float
) -> ClipCost:
    model, extractor = load_shapes(base, window)
    seconds, fixed = min(seconds, window), has_fixed_window(model)
    inputs = _input(extractor, seconds)
    whole = multiply_adds(model, inputs)
    if method == "closed-form":
        return ClipCost(whole, 0)
    if method == "leave-one-out" and fixed:
        frame = torch.zeros(1, 1, model.config.d_model, device="meta")
        frames = round(seconds * WHISPER_FRAMES_PER_SECOND)
        return ClipCost(whole, frames * multiply_adds(FeedForward(model), frame))
    parts = split_model(model, trainable_layers)
    if parts.frozen is not None:
        with torch.no_grad():
            inputs = parts.frozen.eval()(inputs)
    return ClipCost(whole, multiply_adds(parts.trained, inputs))


def _input(extractor: Extractor, seconds: float) -> torch.Tensor:
    """Return an input for one clip of this many seconds, on the meta device."""
    samples = np.zeros(round(seconds * extractor.sampling_rate), np.float32)
    batch = extractor(samples, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    return batch[extractor.model_input_names[0]].to("meta")
