"""The last layer's feed-forward network of a Whisper encoder: what it gets, and it by itself."""

import torch
from transformers import PreTrainedModel

from intent.padding import padding_neuron, spoken_frames


class _Reached(Exception):
    """A forward pass has come as far as it is needed."""


class FeedForwardInput(torch.nn.Module):
    """All of a Whisper encoder below the last feed-forward network, muted frames left out."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.encoder, self.neuron = model.encoder, padding_neuron(model)

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return for each clip the residual stream (frames, width) that its last MLP gets."""
        last, seen = self.encoder.layers[-1], []

        def end_here(_: torch.nn.Module, arguments: tuple[torch.Tensor]) -> None:
            seen.append(arguments[0])
            raise _Reached

        hook = last.final_layer_norm.register_forward_pre_hook(end_here)
        try:
            self.encoder(inputs)
        except _Reached:
            pass
        finally:
            hook.remove()
        streams = seen[0]  # (batch, frames, width)
        if self.neuron is None:
            return list(streams)
        weights, bias = last.fc1.weight[self.neuron], last.fc1.bias[self.neuron]
        spoken = spoken_frames(last.final_layer_norm(streams) @ weights + bias)
        return [stream[kept] for stream, kept in zip(streams, spoken, strict=True)]


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
