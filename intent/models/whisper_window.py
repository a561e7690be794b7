"""Cut a Whisper classifier to a shorter window."""

from typing import TYPE_CHECKING

from intent.checkpoints.resolve import short
from intent.errors import CheckpointError
from intent.models.typed import Extractor, whisper_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WHISPER_FRAMES_PER_SECOND = 50  # encoder frames: 10 ms mel hops, halved by the second convolution


def shorten_window(
    model: "PreTrainedModel", extractor: Extractor, base: str, window_seconds: int
) -> None:
    """Keep the first position embeddings of the encoder: they are sinusoids, exact for any length.

    Raises CheckpointError if the base has fewer, or if its extractor gives spectra of a different
    length than the encoder takes, for example because of a different sample rate.
    """
    import torch

    encoder, frames = whisper_encoder(model), WHISPER_FRAMES_PER_SECOND * window_seconds
    if frames > encoder.max_source_positions:
        longest = encoder.max_source_positions // WHISPER_FRAMES_PER_SECOND
        raise CheckpointError(
            f"The window of {base} is at most {longest} s, but window_seconds is {window_seconds}: "
            f"set it to {longest} or less."
        )
    if extractor.nb_max_frames != 2 * frames:
        raise CheckpointError(
            f'The base model "{short(base)}" takes {2 * frames} spectrum frames in {window_seconds} s, '
            f"but its feature extractor gives {extractor.nb_max_frames}: correct hop_length and "
            "sampling_rate in its preprocessor_config.json, or choose another base model."
        )
    positions = encoder.embed_positions.weight[:frames].detach().clone()
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(positions, freeze=True)
    encoder.max_source_positions = model.config.max_source_positions = frames
