"""Separate the last feed-forward network of a Whisper encoder from the layers below."""

from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from intent.compat import with_children
from intent.models.typed import last_layer, whisper_encoder
from intent.models.whisper_own_length import Frames, encode, whole_window
from intent.models.whisper_padding import padding_neuron, speech_frames

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import WhisperEncoder


class BelowFeedForward(torch.nn.Module):
    """Everything in a Whisper encoder below its last feed-forward network."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = whisper_encoder(model)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the residual streams (batch, frames, width) at the network's input."""
        return _without_last_network(self.encoder)(inputs).last_hidden_state


class FeedForwardInput(torch.nn.Module):
    """The same at a clip's own length, with the padding frames removed."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.encoder, self.neuron = whisper_encoder(model), padding_neuron(model)

    def forward(self, inputs: torch.Tensor, frames: Frames | None = None) -> list[torch.Tensor]:
        """Return the residual stream (frames, width) of each clip at the network's input.

        `inputs` are spectra of the whole window, or as from `spectra` for `frames`.
        """
        frames = frames or whole_window(inputs)
        streams = encode(_without_last_network(self.encoder), inputs, frames)
        counts = torch.from_numpy(frames.counts).to(streams.device)
        return without_padding(self.encoder, self.neuron, streams, counts)


def without_padding(
    encoder: "WhisperEncoder",
    neuron: int | None,
    streams: torch.Tensor,
    counts: torch.Tensor | None = None,
) -> list[torch.Tensor]:
    """Return each stream (frames, width) without its padding frames, if a neuron mutes padding.

    A frame that stands for several, by its count, is repeated.
    """
    if neuron is None:
        return list(streams)
    last = last_layer(encoder)
    weights, bias = last.fc1.weight[neuron], last.fc1.bias[neuron]
    speech = speech_frames(last.final_layer_norm(streams) @ weights + bias)
    repeats = speech if counts is None else speech * counts  # (clips, frames)
    return [
        stream.repeat_interleave(some, 0)
        for stream, some in zip(streams, repeats.long(), strict=True)
    ]


class FeedForward(torch.nn.Module):
    """The last feed-forward network and the norms around it, sharing the model's parameters.

    Only the network is trained, not the norms: the network and the head can express their scales
    and shifts.
    The neuron that mutes padding is never changed.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        last = last_layer(whisper_encoder(model))
        self.norm_before = last.final_layer_norm
        self.norm_after = whisper_encoder(model).layer_norm
        self.fc1, self.activation, self.fc2 = last.fc1, last.activation_fn, last.fc2
        self.requires_grad_(False)
        self.fc1.requires_grad_(True)
        self.fc2.requires_grad_(True)
        self.neuron = padding_neuron(model)
        self.before = [weights.clone() for weights in self._neuron_weights()]

    def restore_neuron(self, *_: object) -> None:
        """Undo the changes of an optimizer step, including weight decay, to the muting neuron."""
        for weights, before in zip(self._neuron_weights(), self.before, strict=True):
            weights.copy_(before)

    def _neuron_weights(self) -> list[torch.Tensor]:
        """Return the weights of the muting neuron; none if padding is not muted."""
        if self.neuron is None:
            return []
        fc1, fc2 = self.fc1, self.fc2
        weights = fc1.weight[self.neuron], fc1.bias[self.neuron], fc2.weight[:, self.neuron]
        return [part.detach() for part in weights]

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the encoder's output for its residual stream, both (..., frames, width)."""
        hidden = self.activation(self.fc1(self.norm_before(stream)))
        return self.norm_after(stream + self.fc2(hidden))


class FeedForwardOnly(torch.nn.Module):
    """Replace a Whisper encoder whose layers below the last network are already computed."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.network = FeedForward(model)

    def forward(self, streams: torch.Tensor, **_: object) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=self.network(streams))


class _Zero(torch.nn.Module):
    """Replace a network by one that adds nothing to the residual stream."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(hidden)


def _without_last_network(encoder: "WhisperEncoder") -> "WhisperEncoder":
    same = torch.nn.Identity()
    last = with_children(last_layer(encoder), final_layer_norm=same, fc1=same, fc2=_Zero())
    layers = torch.nn.ModuleList([*encoder.layers[:-1], last])
    return with_children(encoder, layers=layers, layer_norm=same)
