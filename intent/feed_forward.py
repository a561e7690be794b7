"""The last layer's feed-forward network of a Whisper encoder: what it gets, and it by itself."""

import torch
from transformers import PreTrainedModel

from intent.padding import padding_neuron, spoken_frames


class FeedForwardInput(torch.nn.Module):
    """All of a Whisper encoder below the last feed-forward network, muted frames left out."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.encoder, self.neuron = model.encoder, padding_neuron(model)

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return for each clip the residual stream (frames, width) that its last MLP gets."""
        seen: dict[str, torch.Tensor] = {}
        last = self.encoder.layers[-1]
        hooks = [
            last.final_layer_norm.register_forward_pre_hook(
                lambda _, arguments: seen.update(stream=arguments[0])
            ),
            last.fc1.register_forward_hook(lambda _, __, output: seen.update(neurons=output)),
        ]
        try:
            self.encoder(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        if self.neuron is None:
            return list(seen["stream"])
        spoken = spoken_frames(seen["neurons"][..., self.neuron])
        return [stream[kept] for stream, kept in zip(seen["stream"], spoken, strict=True)]


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
