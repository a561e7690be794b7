"""Check the configs of a checkpoint before transformers uses them.

The numbers in a config determine how much memory is allocated, and some keys download or import
code, before transformers checks any of them. The bounds are generous: XLS-R-2B, Whisper large-v3,
w2v-BERT 2.0 and the audio spectrogram transformer fit, and so do models several times their size.
"""

import math
import os
from pathlib import Path

from intent.checkpoints.config_values import (
    MAX_INTEGER,
    MAX_LABELS,
    check_values,
    is_integer,
    refused,
    short,
)
from intent.checkpoints.files import Json, JsonObject, count_numbers, read_object, weight_files
from intent.errors import CheckpointError

EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")

MAX_LABEL_LENGTH = 200  # characters
MAX_PARAMETERS = 3_000_000_000  # of an encoder; XLS-R-2B has 2.1 billion
SPARE_PARAMETERS = 5_000_000  # that may be missing from the weights, such as a new head
MAX_SPECTRUM_VALUES = 20_000_000  # of a window; Whisper has 3,000 frames × 201 = 603,000 in 30 s
MIN_SAMPLES_PER_FRAME = 40  # of a convolutional encoder: 2.5 ms at 16 kHz; encoders in use have 320

MAX_SECONDS = 300  # of a clip, as in intent/audio/clip.py
USUAL_FRAME = 320  # samples of a frame in encoders without convolutions: 20 ms at 16 kHz
MAX_SCORES = (
    60_000_000  # attention scores of a layer: 12 heads × 2,236 frames², 45 s of wav2vec2-base
)
MAX_KEPT_SCORES = (
    10_000_000  # attention scores that are stored, about four copies in float32: 18 s of WavLM base
)

_CONFORMERS = ("wav2vec2-bert", "wav2vec2-conformer")
_EXTRACTORS = (
    "WhisperFeatureExtractor",
    "Wav2Vec2FeatureExtractor",
    "ASTFeatureExtractor",
    "SeamlessM4TFeatureExtractor",
    None,
)


def read_checked_config(folder: Path, shown: str) -> JsonObject:
    """Return the config of a checkpoint after checking all its JSON files.

    shown: the name of the checkpoint in errors. Raises CheckpointError.
    """
    config = read_object(folder / "config.json", shown)
    check_config(config, shown)
    for name in EXTRACTOR_FILES:
        if os.path.lexists(folder / name):
            check_extractor(read_object(folder / name, shown), shown, name, config)
    if os.path.lexists(folder / "adapter_config.json"):  # it names a base that would be downloaded
        raise refused(shown, "adapter_config.json", "adapters are not loaded")
    return config


def is_audio_classifier(config: JsonObject) -> bool:
    """Return whether transformers has an audio classifier for the model type of a checked config."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    return config.get("model_type") in CLASSIFIERS


def check_config(config: JsonObject, shown: str) -> None:
    """Raise CheckpointError for a config with a value out of bounds, or one that loads other code."""
    name = "config.json"
    if not isinstance(config.get("model_type"), (str, type(None))):
        raise refused(shown, name, "model_type should be a string")
    if not _is_texts(config.get("architectures") or []):
        raise refused(shown, name, "architectures should be a list of strings")
    _check_labels(config, shown)
    rest = {key: value for key, value in config.items() if key not in ("id2label", "label2id")}
    check_values(rest, shown, name)
    _check_convolutions(config, shown)
    if (count := estimate_parameters(config)) > MAX_PARAMETERS:
        raise refused(
            shown,
            name,
            f"it describes {count / 1e9:.1f} billion parameters; at most "
            f"{MAX_PARAMETERS / 1e9:g} billion are supported",
        )


def check_weights(folder: Path, shown: str) -> None:
    """Raise CheckpointError if the weights have far fewer numbers than the config describes.

    Transformers would initialize the rest at random, so that a kilobyte of weights could take
    gigabytes of memory. Check the config first.
    """
    files = weight_files(folder, shown)
    if not files:
        return  # reported when the weights are loaded
    described = _count_allocated(folder, shown)
    stored = count_numbers(files, shown)
    if stored > 2 * MAX_PARAMETERS:
        raise refused(shown, "weights", f"they have {stored / 1e9:.1f} billion numbers")
    if described > 2 * stored + SPARE_PARAMETERS:
        raise CheckpointError(
            f"{shown} has a config.json that describes about {described:,} parameters, but its "
            f"weights have {stored:,}: they do not belong together. Save or download it again, or "
            "choose another checkpoint."
        )


def longest_seconds(config: JsonObject, sample_rate: int, keeps_attention: bool) -> float:
    """Return how many seconds of a clip to classify with a model without a fixed window.

    Attention needs time quadratic in the frames, and memory too where its scores are stored
    (`keeps_attention`): minutes of sound would take gigabytes. config: a checked one.
    """
    strides = _list(config, "conv_stride")
    frame = math.prod(strides) if strides else USUAL_FRAME
    heads = _largest(config, "num_attention_heads") or 1
    scores = MAX_KEPT_SCORES if keeps_attention else MAX_SCORES
    return min(MAX_SECONDS, math.sqrt(scores / heads) * frame / sample_rate)


def _count_allocated(folder: Path, shown: str) -> int:
    """Return how many numbers transformers would allocate, counted on torch's meta device."""
    import torch
    from transformers import AutoConfig, AutoModelForAudioClassification

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForAudioClassification.from_config(config, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - a damaged config raises nearly anything
        reason = str(error).strip().split("\n")[0][:120]
        raise CheckpointError(
            f"{shown} could not be loaded ({reason}): its config.json is damaged. Save or "
            "download it again, or choose another checkpoint."
        ) from error
    return sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))


def estimate_parameters(config: JsonObject) -> int:
    """Estimate the parameters of the encoder and the head of a checked config.

    A fast check before a model of that size is built, even on the meta device. Per layer, attention
    has four square matrices and the feed-forward network has two; the rest is small in each family.
    Missing fields count as 0, since the defaults of transformers are small.
    """
    width = _largest(config, "hidden_size", "d_model")
    ffn = _largest(config, "intermediate_size", "encoder_ffn_dim")
    layers = _largest(config, "num_hidden_layers", "encoder_layers")
    count = layers * (4 * width**2 + 2 * width * ffn)
    if config.get("model_type") in _CONFORMERS:  # a second feed-forward network, and a convolution
        count += layers * (3 * width**2 + 2 * width * ffn)
    dims, kernels = _list(config, "conv_dim"), _list(config, "conv_kernel")
    for i, (size, kernel) in enumerate(zip(dims, kernels, strict=False)):
        count += size * kernel * (dims[i - 1] if i else 1)
    groups = _largest(config, "num_conv_pos_embedding_groups") or 1
    count += width**2 // groups * _largest(config, "num_conv_pos_embeddings")
    count += width * _largest(config, "max_source_positions")
    names = config["id2label"] if isinstance(config.get("id2label"), dict) else {}
    labels = max(len(names), _largest(config, "num_labels", "_num_labels"))
    return count + labels * (_largest(config, "classifier_proj_size") or width)


def check_extractor(values: JsonObject, shown: str, name: str, config: JsonObject) -> None:
    """Raise CheckpointError for a feature extractor with a value out of bounds."""
    check_values(values, shown, name)
    for part in (values, values.get("feature_extractor") or {}):
        if not isinstance(part, dict):
            raise refused(shown, name, "feature_extractor should be a mapping")
        kind = part.get("feature_extractor_type")
        if not isinstance(kind, (str, type(None))) or kind not in _EXTRACTORS:
            raise refused(
                shown,
                name,
                f"feature_extractor_type should be one of {', '.join(_EXTRACTORS[:-1])}, but is "
                f"{short(kind)}",
            )
        is_whisper = kind == _EXTRACTORS[0] or config.get("model_type") == "whisper"
        if is_whisper and part.get("feature_size") == 1:  # a clip would be padded to a square
            raise refused(
                shown, name, "feature_size should be the number of mel bands of Whisper, but is 1"
            )
        seconds, rate = part.get("chunk_length") or 30, part.get("sampling_rate") or 16_000
        values_at_once = seconds * rate // (part.get("hop_length") or 160)
        values_at_once *= (part.get("n_fft") or 400) // 2 + 1
        if values_at_once > MAX_SPECTRUM_VALUES:
            raise refused(
                shown,
                name,
                f"its window has {values_at_once:,} spectrum values; at most "
                f"{MAX_SPECTRUM_VALUES:,} are supported: chunk_length or n_fft is too large, or "
                "hop_length too small",
            )


def _check_labels(config: JsonObject, shown: str) -> None:
    for key in ("id2label", "label2id"):
        labels = config.get(key)
        if not labels or not isinstance(labels, dict):
            continue  # an invalid id2label is refused where it is read (resolve.py)
        if len(labels) > MAX_LABELS:
            raise refused(
                shown,
                "config.json",
                f"it has {len(labels):,} labels; at most {MAX_LABELS:,} are supported",
            )
        texts = labels.values() if key == "id2label" else labels
        if any(not isinstance(text, str) or len(text) > MAX_LABEL_LENGTH for text in texts):
            raise refused(
                shown,
                "config.json",
                f"each label should be a string of at most {MAX_LABEL_LENGTH} characters",
            )
    ids = config.get("label2id") or {}
    if not isinstance(ids, dict) or any(not _is_id(value) for value in ids.values()):
        raise refused(shown, "config.json", "label2id should map labels to whole numbers from 0")


def _check_convolutions(config: JsonObject, shown: str) -> None:
    strides = _list(config, "conv_stride")
    if strides and math.prod(strides) < MIN_SAMPLES_PER_FRAME:
        raise refused(
            shown,
            "config.json",
            f"conv_stride gives frames of {math.prod(strides)} samples, at least "
            f"{MIN_SAMPLES_PER_FRAME} are needed",
        )


def _is_id(value: Json) -> bool:
    if isinstance(value, str):
        return value.strip().isdecimal() and len(value) < 20 and int(value) <= MAX_INTEGER
    return is_integer(value) and 0 <= value <= MAX_INTEGER


def _is_texts(values: Json) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _list(config: JsonObject, key: str) -> list[int]:
    value = config.get(key)
    return value if isinstance(value, list) else []


def _largest(config: JsonObject, *keys: str) -> int:
    return max((v for key in keys if is_integer(v := config.get(key))), default=0)
