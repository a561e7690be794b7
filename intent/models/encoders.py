"""Base checkpoints: which there are, and how one becomes a classifier with a window that fits."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intent.checkpoints import resolve
from intent.checkpoints.bounds import check_texts, check_weights, classifies_audio
from intent.checkpoints.provenance import read_provenance
from intent.errors import CheckpointError
from intent.paths import BUNDLED
from intent.recipes import WHISPER

if TYPE_CHECKING:
    import torch
    from transformers import FeatureExtractionMixin, PretrainedConfig, PreTrainedModel

WHISPER_FRAMES_PER_SECOND = 50  # encoder frames: 10 ms mel hops, halved by the second convolution

# Nothing but a checkpoint's own files: no code of its repository, and no second look at the Hub.
_ITS_FILES_ALONE = {"trust_remote_code": False, "local_files_only": True}

HEAD_MODULES = {"projector", "classifier"}  # of stock classifiers

# model types whose head is projector → mean over time → classifier
MEAN_POOLED = (WHISPER, "wav2vec2", "hubert", "wavlm")


@dataclass(frozen=True)
class Base:
    """A base checkpoint worth offering, its model type, and a word on it."""

    checkpoint: str
    family: str
    note: str


BASES = (
    Base(BUNDLED, WHISPER, "ships with the app: Whisper tiny.en, already taught on MInDS-14"),
    Base("openai/whisper-tiny.en", WHISPER, "8 M parameters, English, quick on any laptop"),
    Base("openai/whisper-base", WHISPER, "21 M parameters, 99 languages, the best for its size"),
    Base("openai/whisper-small", WHISPER, "88 M parameters, 99 languages, wants a GPU"),
    Base("facebook/wav2vec2-base", "wav2vec2", "95 M parameters, as in the task guide"),
    Base("facebook/hubert-base-ls960", "hubert", "94 M parameters, self-supervised English"),
    Base("microsoft/wavlm-base-plus", "wavlm", "94 M parameters, hardened against noise"),
    Base("ntu-spml/distilhubert", "hubert", "23 M parameters, a small HuBERT"),
    Base("facebook/wav2vec2-xls-r-300m", "wav2vec2", "315 M parameters, 128 languages, for GPUs"),
)


def family(base: str) -> str:
    """Return the model type of a base, such as "whisper"; raises CheckpointError if it has none."""
    for known in BASES:
        if known.checkpoint == base:
            return known.family
    return _config(base).model_type


def load_base(
    base: str,
    labels: tuple[str, ...],
    window_seconds: int,
    spec_augment: bool = True,
    seed: int = 0,
) -> "tuple[PreTrainedModel, FeatureExtractionMixin]":
    """Return a base as a float32 classifier with a new head for these labels, and its extractor.

    A Whisper encoder is cut to the window: its positions are a fixed sinusoid, so the first rows
    are exact for shorter input (Radford et al. 2022). Raises CheckpointError if the base cannot be
    loaded as an audio classifier, or cannot hear the window.
    """
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    config, source = _config(base), resolve.locate(base)
    check_weights(source, _shown(base))
    torch.manual_seed(seed)
    try:
        model = AutoModelForAudioClassification.from_pretrained(
            source,
            num_labels=len(labels),
            label2id={name: index for index, name in enumerate(labels)},
            id2label=dict(enumerate(labels)),
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            dtype=torch.float32,
            **_ITS_FILES_ALONE,
        )
        window = {"chunk_length": window_seconds} if config.model_type == WHISPER else {}
        extractor = AutoFeatureExtractor.from_pretrained(source, **window, **_ITS_FILES_ALONE)
    except Exception as error:  # noqa: BLE001 - damaged files make it raise nearly anything
        raise _cannot_load(base, error) from error
    for name in ("projector", "classifier"):
        if isinstance(getattr(model, name, None), torch.nn.Linear):
            getattr(model, name).reset_parameters()
    if hasattr(model.config, "apply_spec_augment"):
        model.config.apply_spec_augment = spec_augment
    if config.model_type == WHISPER:
        _shorten_window(model, base, window_seconds)
    return model.eval(), extractor


def outline(base: str, window_seconds: int) -> "tuple[PreTrainedModel, FeatureExtractionMixin]":
    """Return a base's classifier without its weights, on torch's meta device, and its extractor.

    It is cut to the window as in `load_base`, from its config alone, and has shapes to count with.
    Raises CheckpointError if there is no such base, or none that classifies audio.
    """
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    config = _config(base)
    window = {"chunk_length": window_seconds} if config.model_type == WHISPER else {}
    try:
        with torch.device("meta"):
            model = AutoModelForAudioClassification.from_config(
                config,
                attn_implementation="eager",  # whose products can be counted
            )
        folder = resolve.locate(base, weights=False)
        extractor = AutoFeatureExtractor.from_pretrained(folder, **window, **_ITS_FILES_ALONE)
    except Exception as error:  # noqa: BLE001 - nonsense in a config makes it raise nearly anything
        raise _cannot_load(base, error) from error
    if config.model_type == WHISPER:
        _shorten_window(model, base, window_seconds)
    return model.eval(), extractor


def trained_on(base: str) -> tuple[str, ...]:
    """Return the hashes of the clips that a base of ours has learnt from; others tell none."""
    provenance = read_provenance(resolve.locate(base))
    return provenance.trained_on if provenance else ()


def hears_fixed_window(model: "PreTrainedModel") -> bool:
    """Return whether the encoder takes one length only, to which clips are cut or padded."""
    return model.config.model_type == WHISPER


def has_mean_pooled_head(model: "PreTrainedModel") -> bool:
    """Return whether the head is linear around a mean over time, so that it has a closed form."""
    return model.config.model_type in MEAN_POOLED


def fingerprint(module: "torch.nn.Module") -> str:
    """Return a hash of a module's weights below the head: what equal ones computed can be shared."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if HEAD_MODULES & set(name.split(".")):
            continue
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _config(base: str) -> "PretrainedConfig":
    from transformers import AutoConfig

    folder = resolve.locate(base, weights=False)
    values = check_texts(folder, _shown(base))
    if not classifies_audio(values):
        raise _cannot_load(base, ValueError(f"its model type is {values.get('model_type')}"))
    try:
        return AutoConfig.from_pretrained(folder, **_ITS_FILES_ALONE)
    except Exception as error:  # noqa: BLE001 - nonsense in a config makes it raise nearly anything
        raise _cannot_load(base, error) from error


def _shown(base: str) -> str:
    return f'The base "{resolve.short(base)}"'


def _cannot_load(base: str, error: Exception) -> CheckpointError:
    reason = resolve.short(str(error).strip().split("\n")[0])
    return CheckpointError(
        f'The base "{base}" cannot be loaded as an audio classifier ({reason}): choose an encoder '
        "such as openai/whisper-tiny.en, a folder made by save_pretrained, or the bundled one."
    )


def _shorten_window(model: "PreTrainedModel", base: str, window_seconds: int) -> None:
    import torch

    encoder, frames = model.encoder, WHISPER_FRAMES_PER_SECOND * window_seconds
    if frames > encoder.max_source_positions:
        longest = encoder.max_source_positions // WHISPER_FRAMES_PER_SECOND
        raise CheckpointError(
            f"{base} hears at most {longest} s, found window_seconds {window_seconds}: "
            f"set window_seconds to {longest} or less."
        )
    positions = encoder.embed_positions.weight[:frames].detach().clone()
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(positions, freeze=True)
    encoder.max_source_positions = model.config.max_source_positions = frames
