"""The arithmetic that a recipe cannot do without, counted on the modules that do it."""

from dataclasses import dataclass

import numpy as np
import torch

from intent.encoders import hears_fixed_window, load_base
from intent.feed_forward import FeedForward, FeedForwardInput
from intent.frames import FRAMES
from intent.parts import PooledEncoder, part
from intent.recipes import Recipe

LEARNING_PASSES = 3  # forward, gradients of activations, gradients of weights


@dataclass(frozen=True)
class Clips:
    """How many clips there are and how long they are, in seconds, on average."""

    labels: tuple[str, ...]
    train: int
    test: int
    seconds: float


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-adds of a recipe: hearing each clip once, and learning."""

    hearing: int
    learning: int

    @property
    def total(self) -> int:
        """Multiply-adds altogether."""
        return self.hearing + self.learning


def arithmetic(recipe: Recipe, clips: Clips) -> Arithmetic:
    """Return what a recipe has to compute: matrix products and convolutions, nothing twice.

    Frozen layers hear each clip and altered copy once, the window as long as the recipe's (other
    encoders: as the mean clip); what learns runs forward and backward once an epoch, and once over
    the test clips. Solving a head and calibrating are not counted.
    """
    model, extractor = load_base(recipe.base, clips.labels, recipe.window_seconds)
    model.set_attn_implementation("eager")  # whose products can be counted
    inputs = _inputs(model, extractor, recipe, clips)
    heard = clips.train * (recipe.copies + 1) + clips.test
    if recipe.method == "closed-form":
        return Arithmetic(heard * multiply_adds(PooledEncoder(model), inputs), 0)
    if recipe.method == "leave-one-out":
        frames = torch.zeros(1, FRAMES, model.config.d_model)
        one_pass = multiply_adds(FeedForward(model), frames)
        hearing = heard * multiply_adds(FeedForwardInput(model), inputs)
        return Arithmetic(hearing, LEARNING_PASSES * recipe.epochs * clips.train * one_pass)
    parts = part(model, recipe.trainable_layers)
    below = multiply_adds(parts.frozen, inputs) if parts.frozen else 0
    with torch.inference_mode():
        activations = parts.frozen(inputs) if parts.frozen else inputs
    one_pass = multiply_adds(parts.learning, activations)
    learnt = LEARNING_PASSES * recipe.epochs * clips.train * (recipe.copies + 1)
    return Arithmetic(heard * below, (learnt + clips.test) * one_pass)


def multiply_adds(module: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Return the multiply-adds of a forward pass: matrix products, attention, convolutions."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(inputs)
    return counter.get_total_flops() // 2


def _inputs(
    model: torch.nn.Module, extractor: object, recipe: Recipe, clips: Clips
) -> torch.Tensor:
    """The model's input for one clip of mean length."""
    seconds = min(clips.seconds, recipe.window_seconds)
    samples = np.zeros(round(seconds * extractor.sampling_rate), np.float32)
    if hears_fixed_window(model):
        samples = samples[:1]
    inputs = extractor(samples, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    return inputs[extractor.model_input_names[0]]
