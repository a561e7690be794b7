"""Precise types that transformers lacks: feature extractors and modules inside its models."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import torch
    from transformers import BatchFeature, PreTrainedModel, WhisperForAudioClassification
    from transformers.models.whisper.modeling_whisper import WhisperEncoder, WhisperEncoderLayer


class Extractor(Protocol):
    """A feature extractor: from samples to the input of a model."""

    sampling_rate: int
    model_input_names: list[str]
    chunk_length: int  # seconds; only of Whisper
    nb_max_frames: int  # in a chunk; only of Whisper
    hop_length: int  # samples; only of Whisper
    return_attention_mask: bool

    def __call__(
        self, sounds: Any, *, sampling_rate: int, return_tensors: str, **limits: Any
    ) -> "BatchFeature":
        """Return the model inputs of one sound (n,) or of a list of them."""

    def to_json_string(self) -> str:
        """Return its config as JSON."""

    def save_pretrained(self, folder: Path) -> object:
        """Write its config into a folder."""


def whisper_encoder(model: "PreTrainedModel") -> "WhisperEncoder":
    """Return the encoder of a Whisper classifier."""
    return cast("WhisperForAudioClassification", model).encoder


def last_layer(encoder: "WhisperEncoder") -> "WhisperEncoderLayer":
    """Return the last layer of a Whisper encoder."""
    return cast("WhisperEncoderLayer", encoder.layers[-1])


def linear_head(model: "PreTrainedModel") -> "tuple[torch.nn.Linear, torch.nn.Linear]":
    """Return the projector and the classifier, the layers before and after the mean over time."""
    return cast("torch.nn.Linear", model.projector), cast("torch.nn.Linear", model.classifier)


def label_names(model: "PreTrainedModel") -> tuple[str, ...]:
    """Return the label of each class id."""
    names = cast(dict[int, str], model.config.id2label)
    return tuple(names[index] for index in range(len(names)))


def reject_label(model: "PreTrainedModel") -> str | None:
    """Return the label that means "none of the intents", or None if the model has none."""
    return getattr(model.config, "reject_label", None)
