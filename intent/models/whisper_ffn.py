"""The last layer's feed-forward network of a Whisper encoder: what it gets, and it by itself."""

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from intent.compat import with_children
from intent.models.whisper_padding import padding_neuron, spoken_frames


class BelowFeedForward(torch.nn.Module):
    """All of a Whisper encoder below the last feed-forward network."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.encoder, self.neuron = model.encoder, padding_neuron(model)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the residual streams (batch, frames, width) that the network gets."""
        return _without_last_network(self.encoder)(inputs).last_hidden_state

    def without_muted(self, streams: torch.Tensor) -> list[torch.Tensor]:
        """Return each stream (frames, width) without the frames of padding, where that is muted."""
        if self.neuron is None:
            return list(streams)
        last = self.encoder.layers[-1]
        weights, bias = last.fc1.weight[self.neuron], last.fc1.bias[self.neuron]
        spoken = spoken_frames(last.final_layer_norm(streams) @ weights + bias)
        return [stream[kept] for stream, kept in zip(streams, spoken, strict=True)]


class FeedForwardInput(BelowFeedForward):
    """The same, muted frames left out."""

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return for each clip the residual stream (frames, width) that the network gets."""
        return self.without_muted(super().forward(inputs))


class FeedForward(torch.nn.Module):
    """The last feed-forward network and the norms around it, its parameters shared with the model.

    Only the network learns: what the norms scale and shift, it and the head can do as well. The
    neuron that mutes padding stays as it is.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        last = model.encoder.layers[-1]
        self.norm_before, self.norm_after = last.final_layer_norm, model.encoder.layer_norm
        self.fc1, self.activation, self.fc2 = last.fc1, last.activation_fn, last.fc2
        self.requires_grad_(False)
        self.fc1.requires_grad_(True)
        self.fc2.requires_grad_(True)
        self.neuron = padding_neuron(model)
        self.before = None if self.neuron is None else [part.clone() for part in self._neuron()]

    @torch.no_grad()
    def keep_neuron(self, *_: object) -> None:
        """Undo what a step of an optimizer, its weight decay too, did to the muting neuron."""
        if self.before is not None:
            for part, before in zip(self._neuron(), self.before, strict=True):
                part.copy_(before)

    def _neuron(self) -> tuple[torch.Tensor, ...]:
        fc1, fc2 = self.fc1, self.fc2
        weights = fc1.weight[self.neuron], fc1.bias[self.neuron], fc2.weight[:, self.neuron]
        return tuple(part.detach() for part in weights)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the encoder's output for its residual stream, both (..., frames, width)."""
        hidden = self.activation(self.fc1(self.norm_before(stream)))
        return self.norm_after(stream + self.fc2(hidden))


class _Nothing(torch.nn.Module):
    """Stands in for a network that adds nothing to the residual stream."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(hidden)


def _without_last_network(encoder: torch.nn.Module) -> torch.nn.Module:
    same = torch.nn.Identity()
    *lower, last = encoder.layers
    last = with_children(last, final_layer_norm=same, fc1=same, fc2=_Nothing())
    return with_children(encoder, layers=torch.nn.ModuleList([*lower, last]), layer_norm=same)


class FeedForwardOnly(torch.nn.Module):
    """Stands in for a Whisper encoder of which all below the last network is computed already."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.network = FeedForward(model)

    def forward(self, streams: torch.Tensor, **_: object) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=self.network(streams))
