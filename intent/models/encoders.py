"""Load a base checkpoint as a classifier with new labels and a window of the right length."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intent.checkpoints import resolve
from intent.checkpoints.bounds import check_weights, is_audio_classifier, read_checked_config
from intent.checkpoints.description import (
    SINGLE_LABEL,
    check_has_config,
    check_has_extractor,
)
from intent.checkpoints.download import no_weights
from intent.checkpoints.files import weight_files
from intent.checkpoints.provenance import read_provenance
from intent.devices import HEAD_MODULES
from intent.errors import CheckpointError
from intent.models.loaded_weights import check_base_weights, set_new_weights
from intent.models.typed import Extractor
from intent.models.whisper_window import shorten_window
from intent.paths import BUNDLED
from intent.recipes import WHISPER

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

# Only the checkpoint's own files: no code from its repository, no request to the Hub.
_LOCAL_ONLY = {"trust_remote_code": False, "local_files_only": True}

SUM_LEFT_OUT = (
    "The base model sums the outputs of all its layers. The new classifier uses only the last layer, "
    "which is fine-tuned."
)

# model types whose head is projector → mean over time → classifier
MEAN_POOLED = (WHISPER, "wav2vec2", "hubert", "wavlm")


@dataclass(frozen=True)
class Base:
    """A base checkpoint that the page offers, its model type, and a short note."""

    checkpoint: str
    family: str
    note: str


BASES = (
    Base(
        BUNDLED,
        WHISPER,
        "ships with the app: Whisper tiny.en, fine-tuned on MInDS-14 and more wordings",
    ),
    Base("openai/whisper-tiny.en", WHISPER, "8 M encoder parameters, English"),
    Base("openai/whisper-base", WHISPER, "21 M encoder parameters, 99 languages"),
    Base("openai/whisper-small", WHISPER, "88 M encoder parameters, 99 languages"),
    Base("facebook/wav2vec2-base", "wav2vec2", "95 M parameters, English, as in the guide"),
    Base("facebook/hubert-base-ls960", "hubert", "94 M parameters, English"),
    Base("microsoft/wavlm-base-plus", "wavlm", "94 M parameters, English"),
    Base("ntu-spml/distilhubert", "hubert", "23 M parameters, English, distilled from HuBERT"),
    Base("facebook/wav2vec2-xls-r-300m", "wav2vec2", "315 M parameters, 128 languages"),
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
    reject_label: str = "",
) -> "tuple[PreTrainedModel, Extractor]":
    """Return a base as a float32 classifier with a new head for these labels, and its extractor.

    The head gives each clip one label, whatever the base was trained for; `reject_label` is the one
    that means "none of the intents", "" if there is none, even if the base has one. A Whisper encoder
    is cut to the window: its position embeddings are sinusoids, so the first rows are exact for
    shorter input (Radford et al. 2022). Raises CheckpointError if the base cannot be loaded as an
    audio classifier, lacks a weight of its encoder, or if the window is longer than the base's.
    """
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    config, source = _config(base), resolve.locate(base)
    if not weight_files(source, _shown(base)):
        raise no_weights(_shown(base))
    check_weights(source, _shown(base))
    _prepare(config, labels, reject_label)
    torch.manual_seed(seed)
    try:
        model, report = AutoModelForAudioClassification.from_pretrained(
            source,
            config=config,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            use_safetensors=True,
            dtype=torch.float32,
            **_LOCAL_ONLY,
        )
        window = {"chunk_length": window_seconds} if config.model_type == WHISPER else {}
        extractor = AutoFeatureExtractor.from_pretrained(source, **window, **_LOCAL_ONLY)
    except Exception as error:  # noqa: BLE001 - damaged files make it raise nearly anything
        raise _cannot_load(base, error) from error
    check_base_weights(report, _shown(base))
    for name in HEAD_MODULES:
        layer = getattr(model, name, None)
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    set_new_weights(model, report)
    if hasattr(model.config, "apply_spec_augment"):
        model.config.apply_spec_augment = spec_augment
    if config.model_type == WHISPER:
        shorten_window(model, extractor, base, window_seconds)
    return model.eval(), extractor


def load_shapes(base: str, window_seconds: int) -> "tuple[PreTrainedModel, Extractor]":
    """Return a base's classifier without weights, on torch's meta device, and its extractor.

    Built from the config alone and cut to the window as in `load_base`; it has shapes to count
    operations with. Raises CheckpointError if the base does not exist or does not classify audio.
    """
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    config = _config(base)
    _prepare(config)
    window = {"chunk_length": window_seconds} if config.model_type == WHISPER else {}
    try:
        with torch.device("meta"):
            model = AutoModelForAudioClassification.from_config(
                config,
                dtype=torch.float32,
                attn_implementation="eager",  # its matrix products can be counted
            )
        folder = resolve.locate(base, weights=False)
        extractor = AutoFeatureExtractor.from_pretrained(folder, **window, **_LOCAL_ONLY)
    except Exception as error:  # noqa: BLE001 - nonsense in a config makes it raise nearly anything
        raise _cannot_load(base, error) from error
    if config.model_type == WHISPER:
        shorten_window(model, extractor, base, window_seconds)
    return model.eval(), extractor


def left_out_of(base: str) -> str | None:
    """Return a sentence on the part of a base that the new classifier does not use; None if none."""
    config = _config(base)
    is_sum = config.model_type == WHISPER and getattr(config, "use_weighted_layer_sum", False)
    return SUM_LEFT_OUT if is_sum else None


def trained_on(base: str) -> tuple[str, ...]:
    """Return the hashes of the clips a base was trained on, if its provenance file lists them."""
    provenance = read_provenance(resolve.locate(base))
    return provenance.trained_on if provenance else ()


def sentences_of(base: str) -> tuple[str, ...]:
    """Return the hashes of the sentences of synthetic clips that a base was trained on."""
    provenance = read_provenance(resolve.locate(base))
    return provenance.sentences if provenance else ()


def has_fixed_window(model: "PreTrainedModel") -> bool:
    """Return whether the encoder takes inputs of one length, to which clips are cut or padded."""
    return model.config.model_type == WHISPER


def has_mean_pooled_head(model: "PreTrainedModel") -> bool:
    """Return whether the head is linear with a mean over time, so that it has a closed form."""
    return model.config.model_type in MEAN_POOLED


def fingerprint(module: "torch.nn.Module") -> str:
    """Return a hash of a module's weights below the head, for the keys of cached results."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if not set(HEAD_MODULES).isdisjoint(name.split(".")):
            continue
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _config(base: str) -> "PretrainedConfig":
    from transformers import AutoConfig

    folder = resolve.locate(base, weights=False)
    check_has_config(folder, _shown(base))
    values = read_checked_config(folder, _shown(base))
    if not is_audio_classifier(values):
        raise _cannot_load(base, ValueError(f"its model type is {values.get('model_type')}"))
    check_has_extractor(folder, _shown(base))
    try:
        return AutoConfig.from_pretrained(folder, **_LOCAL_ONLY)
    except Exception as error:  # noqa: BLE001 - nonsense in a config makes it raise nearly anything
        raise _cannot_load(base, error) from error


def _prepare(
    config: "PretrainedConfig", labels: tuple[str, ...] = (), reject_label: str = ""
) -> None:
    """Prepare a base's config for a new head: these labels, one label per clip, only logits returned.

    For Whisper, only the last layer is trained, so a sum over all layers is replaced by the last.
    In other encoders the sum stays, and no layer is dropped in training, since the sum needs all.
    """
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {name: index for index, name in enumerate(labels)}
    if hasattr(config, "reject_label"):  # that of the base's old head
        del config.reject_label
    if reject_label:
        config.reject_label = reject_label
    config.problem_type = SINGLE_LABEL
    config.return_dict = True
    config.output_hidden_states = config.output_attentions = False
    if not getattr(config, "use_weighted_layer_sum", False):
        return
    if config.model_type == WHISPER:
        config.use_weighted_layer_sum = False
    elif hasattr(config, "layerdrop"):
        config.layerdrop = 0.0


def _shown(base: str) -> str:
    return f'The base model "{resolve.short(base)}"'


def _cannot_load(base: str, error: Exception) -> CheckpointError:
    reason = resolve.short(str(error).strip().split("\n")[0])
    return CheckpointError(
        f'The base model "{base}" cannot be loaded as an audio classifier ({reason}): choose an encoder '
        "such as openai/whisper-tiny.en, a folder made by save_pretrained, or the bundled checkpoint."
    )
