"""The arithmetic of a recipe: multiply-adds, counted on the modules that do it, nothing computed.

Modules are built from a base's config on torch's meta device, which knows shapes and holds no
weights, so that counting costs no download of them and a fraction of a second.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import FeatureExtractionMixin, PreTrainedModel

from intent.models.encoders import WHISPER_FRAMES_PER_SECOND, hears_fixed_window, outline
from intent.models.split import part
from intent.models.whisper_ffn import FeedForward, FeedForwardInput
from intent.models.whisper_padding import padding_neuron
from intent.recipes import Recipe

LEARNING_PASSES = 3  # forward, gradients of activations, gradients of weights


@dataclass(frozen=True)
class Clips:
    """How many clips there are and how long they are, in seconds, on average."""

    train: int
    test: int
    seconds: float


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-adds of a recipe: hearing clips with what is frozen or tested, and learning."""

    hearing: int
    learning: int

    @property
    def total(self) -> int:
        """Multiply-adds altogether."""
        return self.hearing + self.learning


@dataclass(frozen=True)
class ClipCosts:
    """Multiply-adds of one forward pass for a clip of mean length, by what it goes through.

    `frozen`: what is computed once for each clip and copy. `learning`: what learns, in
    leave-one-out for a single frame. `last`: what is asked again when a new head or last network
    is tested. `whole`: all of the classifier. `mutes_padding`: it still has to learn what padding is.
    """

    frozen: int
    learning: int
    last: int
    whole: int
    mutes_padding: bool


def clip_costs(recipe: Recipe, seconds: float) -> ClipCosts:
    """Count a recipe's multiply-adds for a clip of so many seconds: products and convolutions.

    Whisper hears its window; other encoders hear the clip, cut to the window except in tests.
    Raises CheckpointError where the base is not at hand or no audio classifier.
    """
    layers = recipe.trainable_layers if recipe.method == "fine-tune" else 0
    return _clip_costs(recipe.base, recipe.method, recipe.window_seconds, layers, seconds)


@functools.lru_cache(maxsize=256)
def _clip_costs(
    base: str, method: str, window: int, trainable_layers: int | None, seconds: float
) -> ClipCosts:
    model, extractor, knows_padding = _outline(base, window)
    inputs = _input(model, extractor, min(seconds, window))
    fixed = hears_fixed_window(model)
    whole = multiply_adds(model, inputs if fixed else _input(model, extractor, seconds))
    last = window * WHISPER_FRAMES_PER_SECOND * _feed_forward(model) if fixed else whole
    if method == "leave-one-out" and fixed:
        frozen, learning = multiply_adds(FeedForwardInput(model), inputs), _feed_forward(model)
    elif method == "closed-form":
        frozen, learning = multiply_adds(model.base_model, inputs), 0
    else:
        frozen, learning = _in_parts(model, trainable_layers, inputs)
    return ClipCosts(frozen, learning, last, whole, fixed and not knows_padding)


@functools.lru_cache(maxsize=16)
def _outline(base: str, window: int) -> tuple[PreTrainedModel, FeatureExtractionMixin, bool]:
    """A base on the meta device, and whether its padding is muted: here no frame is left out."""
    model, extractor = outline(base, window)
    knows_padding = padding_neuron(model) is not None
    model.config.padding_neuron = None
    return model, extractor, knows_padding


def multiply_adds(module: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Return the multiply-adds of a forward pass: matrix products, attention, convolutions."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(inputs)
    return counter.get_total_flops() // 2


def _input(
    model: PreTrainedModel, extractor: FeatureExtractionMixin, seconds: float
) -> torch.Tensor:
    """An empty input for one clip of so many seconds, on the meta device."""
    samples = np.zeros(round(seconds * extractor.sampling_rate), np.float32)
    if hears_fixed_window(model):
        samples = samples[:1]
    inputs = extractor(samples, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    return inputs[extractor.model_input_names[0]].to("meta")


def _feed_forward(model: PreTrainedModel) -> int:
    """What one frame costs in the last feed-forward network."""
    return multiply_adds(FeedForward(model), torch.zeros(1, 1, model.config.d_model, device="meta"))


def _in_parts(
    model: PreTrainedModel, trainable_layers: int | None, inputs: torch.Tensor
) -> tuple[int, int]:
    """The multiply-adds of the frozen part and of the part that learns behind it."""
    parts = part(model, trainable_layers)
    if parts.frozen is None:
        return 0, multiply_adds(parts.learning, inputs)
    with torch.no_grad():
        activations = parts.frozen.eval()(inputs)
    return multiply_adds(parts.frozen, inputs), multiply_adds(parts.learning, activations)
