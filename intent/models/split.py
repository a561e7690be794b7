"""Split a classifier: the frozen part is computed once per clip, the trained part in every step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from intent.compat import record_hidden_states, with_children
from intent.models.encoders import has_mean_pooled_head
from intent.models.typed import last_layer, whisper_encoder
from intent.models.whisper_padding import padding_neuron, speech_frames
from intent.recipes import WHISPER

if TYPE_CHECKING:
    from transformers import Wav2Vec2ForSequenceClassification, Wav2Vec2Model
    from transformers.models.whisper.modeling_whisper import WhisperEncoder


@dataclass(frozen=True)
class Parts:
    """Two parts that share their parameters with the whole model.

    `frozen` maps model inputs to activations (batch, frames, width); None if nothing is frozen.
    `trained` is a stock classifier whose forward pass starts at those activations.
    """

    frozen: torch.nn.Module | None
    trained: PreTrainedModel


def split_model(model: PreTrainedModel, trainable_layers: int | None) -> Parts:
    """Freeze all but the upper layers and the head, and split the model at that point.

    wav2vec2-type encoders are split after their convolutions; frozen layers above that are computed
    again in every step. Encoders of other types are not split: the whole encoder is trained.
    """
    if trainable_layers is None or not has_mean_pooled_head(model):
        return Parts(None, model)
    if model.config.model_type == WHISPER:
        return _split_whisper(model, trainable_layers)
    return _split_wav2vec2(model, trainable_layers)


class UpperLayers(torch.nn.Module):
    """Replace a Whisper encoder whose lower layers are already computed."""

    def __init__(self, layers: torch.nn.ModuleList, layer_norm: torch.nn.Module) -> None:
        super().__init__()
        self.layers, self.layer_norm = layers, layer_norm

    def forward(self, hidden: torch.Tensor, **_: object) -> BaseModelOutput:
        for layer in self.layers:
            hidden = layer(hidden, None)  # (batch, frames, width)
        return BaseModelOutput(last_hidden_state=self.layer_norm(hidden))


class LowerLayers(torch.nn.Module):
    """The frozen lower part of a Whisper encoder, without the final layer norm."""

    def __init__(self, encoder: "WhisperEncoder", cut: int) -> None:
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
    """Replace convolutions that are already computed."""

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        return activations.transpose(1, 2)  # (batch, width, frames), as from the convolutions

    def _freeze_parameters(self) -> None:
        """Do nothing: required by the interface of the replaced module."""


class PooledEncoder(torch.nn.Module):
    """Everything below the head, averaged over time without the muted frames.

    The last column of the result is the share of frames that were averaged.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        frames, detector = self._run(inputs)  # (batch, frames, width), (batch, frames) or None
        if detector is None:
            return torch.cat([frames.mean(1), torch.ones_like(frames[:, 0, :1])], dim=1)
        kept = speech_frames(detector).to(frames.dtype).unsqueeze(-1)
        pooled = (frames * kept).sum(1) / kept.sum(1)
        return torch.cat([pooled, kept.mean(1)], dim=1)  # (batch, width + 1)

    def _run(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Run a copy of the model that keeps what two modules see; several threads may do so."""
        neuron = padding_neuron(self.model)
        projector = _Kept(cast(torch.nn.Module, self.model.projector))
        model = with_children(self.model, projector=projector)
        if neuron is None:
            model(inputs)
            return projector.inputs, None
        encoder = whisper_encoder(self.model)
        *below, last = encoder.layers
        detector = _Kept(last_layer(encoder).fc1)
        layers = torch.nn.ModuleList([*below, with_children(last, fc1=detector)])
        with_children(model, encoder=with_children(encoder, layers=layers))(inputs)
        return projector.inputs, detector.output[..., neuron]


class _Kept(torch.nn.Module):
    """A module that keeps its last input and output."""

    inputs: torch.Tensor
    output: torch.Tensor

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.inputs, self.output = inputs, self.module(inputs)
        return self.output


def _split_whisper(model: PreTrainedModel, trainable_layers: int) -> Parts:
    encoder = whisper_encoder(model)
    # The last layer is never cached: its first linear layer detects the padding.
    cut = max(0, len(encoder.layers) - max(1, trainable_layers))
    encoder.requires_grad_(False)
    upper = UpperLayers(encoder.layers[cut:], encoder.layer_norm)
    upper.requires_grad_(trainable_layers > 0)
    return Parts(LowerLayers(encoder, cut), with_children(model, encoder=upper))


def _split_wav2vec2(model: PreTrainedModel, trainable_layers: int) -> Parts:
    base = cast("Wav2Vec2Model", model.base_model)  # HuBERT and WavLM have the same modules
    layers = base.encoder.layers
    cast("Wav2Vec2ForSequenceClassification", model).freeze_feature_encoder()
    if trainable_layers < len(layers):
        base.requires_grad_(False)
        layers[len(layers) - trainable_layers :].requires_grad_(True)
    record_hidden_states(base)
    upper = with_children(base, feature_extractor=ComputedConvolutions())
    trained = with_children(model, **{model.base_model_prefix: upper})
    return Parts(Convolutions(base.feature_extractor), trained)
