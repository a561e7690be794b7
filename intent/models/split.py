"""A classifier in two parts: the frozen prefix, computed once for each clip, and what learns."""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from intent.compat import with_children
from intent.models.encoders import has_mean_pooled_head
from intent.models.whisper_padding import padding_neuron, spoken_frames
from intent.recipes import WHISPER


@dataclass(frozen=True)
class Parts:
    """Two parts that share the parameters of a whole: training `learning` trains the whole.

    `frozen` maps model inputs to activations (batch, frames, width); it is None if all learns.
    `learning` is a stock classifier whose forward begins at those activations.
    """

    frozen: torch.nn.Module | None
    learning: PreTrainedModel


def part(model: PreTrainedModel, trainable_layers: int | None) -> Parts:
    """Freeze all but the upper layers and the head, and part the model where learning begins.

    wav2vec2-type encoders part behind their convolutions; lower layers of theirs that are frozen
    are computed again each time. Encoders of other types are not parted: they learn whole.
    """
    if trainable_layers is None or not has_mean_pooled_head(model):
        return Parts(None, model)
    if model.config.model_type == WHISPER:
        return _part_whisper(model, trainable_layers)
    return _part_wav2vec2(model, trainable_layers)


class UpperLayers(torch.nn.Module):
    """Stands in for a Whisper encoder whose lower layers have been computed already."""

    def __init__(self, layers: torch.nn.ModuleList, layer_norm: torch.nn.Module) -> None:
        super().__init__()
        self.layers, self.layer_norm = layers, layer_norm

    def forward(self, hidden: torch.Tensor, **_: object) -> BaseModelOutput:
        for layer in self.layers:
            hidden = layer(hidden, None)  # (batch, frames, width)
        return BaseModelOutput(last_hidden_state=self.layer_norm(hidden))


class LowerLayers(torch.nn.Module):
    """The frozen lower part of a Whisper encoder, without the final layer norm."""

    def __init__(self, encoder: torch.nn.Module, cut: int) -> None:
        super().__init__()
        self.encoder = with_children(
            encoder, layers=encoder.layers[:cut], layer_norm=torch.nn.Identity()
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.encoder(inputs).last_hidden_state  # (batch, frames, width)


class Convolutions(torch.nn.Module):
    """The convolutions of a wav2vec2-type encoder."""

    def __init__(self, feature_extractor: torch.nn.Module) -> None:
        super().__init__()
        self.feature_extractor = feature_extractor

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.feature_extractor(inputs).transpose(1, 2)  # (batch, frames, width)


class ComputedConvolutions(torch.nn.Module):
    """Stands in for convolutions that have been computed already."""

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        return activations.transpose(1, 2)  # (batch, width, frames), as the convolutions give them

    def _freeze_parameters(self) -> None:
        """Nothing to freeze; part of the interface of the module that this one stands in for."""


class PooledEncoder(torch.nn.Module):
    """All of a classifier below its head, averaged over time, muted frames left out.

    The last column of the result is the share of the frames that were averaged.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        frames, loudness = self._run(inputs)  # (batch, frames, width), (batch, frames) or None
        if loudness is None:
            return torch.cat([frames.mean(1), torch.ones_like(frames[:, 0, :1])], dim=1)
        kept = spoken_frames(loudness).to(frames.dtype).unsqueeze(-1)
        pooled = (frames * kept).sum(1) / kept.sum(1)
        return torch.cat([pooled, kept.mean(1)], dim=1)  # (batch, width + 1)

    def _run(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        seen: dict[str, torch.Tensor] = {}

        def see_frames(_: torch.nn.Module, arguments: tuple[torch.Tensor]) -> None:
            seen["frames"] = arguments[0]

        def see_neurons(_: torch.nn.Module, __: object, output: torch.Tensor) -> None:
            seen["neurons"] = output

        hooks = [self.model.projector.register_forward_pre_hook(see_frames)]
        neuron = padding_neuron(self.model)
        if neuron is not None:
            last = self.model.encoder.layers[-1]
            hooks.append(last.fc1.register_forward_hook(see_neurons))
        try:
            self.model(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return seen["frames"], None if neuron is None else seen["neurons"][..., neuron]


def _part_whisper(model: PreTrainedModel, trainable_layers: int) -> Parts:
    encoder = model.encoder
    cut = max(0, len(encoder.layers) - max(1, trainable_layers))  # the last layer tells the padding
    encoder.requires_grad_(False)
    upper = UpperLayers(encoder.layers[cut:], encoder.layer_norm)
    upper.requires_grad_(trainable_layers > 0)
    return Parts(LowerLayers(encoder, cut), with_children(model, encoder=upper))


def _part_wav2vec2(model: PreTrainedModel, trainable_layers: int) -> Parts:
    base = model.base_model
    layers = base.encoder.layers
    model.freeze_feature_encoder()
    if trainable_layers < len(layers):
        base.requires_grad_(False)
        layers[len(layers) - trainable_layers :].requires_grad_(True)
    heard = with_children(base, feature_extractor=ComputedConvolutions())
    learning = with_children(model, **{model.base_model_prefix: heard})
    return Parts(Convolutions(base.feature_extractor), learning)
