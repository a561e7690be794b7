"""What a checkpoint's configs may say, checked before transformers computes with it.

A config's numbers reach memory, and some of its keys fetch or import code, before transformers
checks any of them. The bounds are generous: XLS-R-2B, Whisper large-v3, w2v-BERT 2.0 and the
audio spectrogram transformer fit, and so would models of several times their size.
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
from intent.checkpoints.files import count_numbers, read_object, weight_files
from intent.errors import CheckpointError

EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")

MAX_LABEL_LENGTH = 200  # characters
MAX_PARAMETERS = 3_000_000_000  # of an encoder; XLS-R-2B's has 2.1 billion
SPARE_PARAMETERS = 5_000_000  # that weights may lack: a new head, and what the estimate is off by
MAX_SPECTRUM_VALUES = 20_000_000  # of a window; Whisper's 30 s have 3,000 frames × 201 = 603,000
MIN_SAMPLES_PER_FRAME = 40  # of a convolutional encoder, at 16 kHz 2.5 ms; in use are 320

MAX_SECONDS = 300  # of a clip, as in intent/audio/clip.py
USUAL_FRAME = 320  # samples of a frame where no convolutions say it: 20 ms at 16 kHz
MAX_SCORES = 60_000_000  # of attention in a layer: 12 heads × 2,236 frames², 45 s of wav2vec2-base
MAX_KEPT_SCORES = 10_000_000  # where they are kept, about four times in 32 bits: 18 s of WavLM base

_CONFORMERS = ("wav2vec2-bert", "wav2vec2-conformer")
_EXTRACTORS = (
    "WhisperFeatureExtractor",
    "Wav2Vec2FeatureExtractor",
    "ASTFeatureExtractor",
    "SeamlessM4TFeatureExtractor",
    None,
)


def check_texts(folder: Path, shown: str) -> dict:
    """Return a checkpoint's config once its JSON files are within the bounds.

    shown: how an error names the checkpoint. Raises CheckpointError.
    """
    config = read_object(folder / "config.json", shown)
    check_config(config, shown)
    for name in EXTRACTOR_FILES:
        if os.path.lexists(folder / name):
            _check_extractor(read_object(folder / name, shown), shown, name, config)
    if os.path.lexists(folder / "adapter_config.json"):  # it names a base that would be fetched
        raise refused(shown, "adapter_config.json", "adapters are not loaded")
    return config


def classifies_audio(config: dict) -> bool:
    """Return whether transformers has an audio classifier of a checked config's type of model."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    return config.get("model_type") in CLASSIFIERS


def check_config(config: dict, shown: str) -> None:
    """Raise CheckpointError for a config with a value out of bounds, or that sends elsewhere."""
    name = "config.json"
    if not isinstance(config.get("model_type"), (str, type(None))):
        raise refused(shown, name, "model_type should be a text")
    if not _is_texts(config.get("architectures") or []):
        raise refused(shown, name, "architectures should be a list of texts")
    _check_labels(config, shown)
    rest = {key: value for key, value in config.items() if key not in ("id2label", "label2id")}
    check_values(rest, shown, name)
    _check_convolutions(config, shown)
    if (count := parameters(config)) > MAX_PARAMETERS:
        raise refused(
            shown,
            name,
            f"it describes {count / 1e9:.1f} billion parameters, at most "
            f"{MAX_PARAMETERS / 1e9:g} billion are loaded",
        )


def check_weights(folder: Path, shown: str) -> None:
    """Raise CheckpointError for weights too few to fill what a config makes transformers allocate.

    What is missing would be made up in memory, so a kilobyte of weights could take gigabytes. The
    config must have been checked.
    """
    files = weight_files(folder, shown)
    if not files:
        return  # which loading says
    described = _allocated(folder, shown)
    held = count_numbers(files, shown)
    if held > 2 * MAX_PARAMETERS:
        raise refused(shown, "its weights", f"they hold {held / 1e9:.1f} billion numbers")
    if described > 2 * held + SPARE_PARAMETERS:
        raise CheckpointError(
            f"{shown} has a config.json that describes about {described:,} parameters, but its "
            f"weights hold {held:,}: they do not belong together. Save or fetch it again, or "
            "choose another checkpoint."
        )


def longest_seconds(config: dict, sample_rate: int, keeps_attention: bool) -> float:
    """Return how much of a clip is classified, in seconds, by a model without a window of its own.

    Attention takes the square of the frames in time, and in memory where its scores are kept
    (`keeps_attention`), so that minutes of sound would take gigabytes. config: a checked one.
    """
    strides = _list(config, "conv_stride")
    frame = math.prod(strides) if strides else USUAL_FRAME
    heads = _largest(config, "num_attention_heads") or 1
    scores = MAX_KEPT_SCORES if keeps_attention else MAX_SCORES
    return min(MAX_SECONDS, math.sqrt(scores / heads) * frame / sample_rate)


def _allocated(folder: Path, shown: str) -> int:
    """How many numbers transformers would allocate, counted on torch's meta device."""
    import torch
    from transformers import AutoConfig, AutoModelForAudioClassification

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForAudioClassification.from_config(config, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - a config of nonsense makes it raise nearly anything
        reason = str(error).strip().split("\n")[0][:120]
        raise CheckpointError(
            f"{shown} could not be loaded ({reason}): its config.json is damaged. Save or fetch it "
            "again, or choose another checkpoint."
        ) from error
    return sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))


def parameters(config: dict) -> int:
    """Estimate the parameters of a checked config's encoder and head.

    Attention has four square matrices a layer and the feed-forward layers two; what the families
    have beside them is little. Absent fields count nothing: transformers' defaults are ordinary.
    """
    width = _largest(config, "hidden_size", "d_model")
    ffn = _largest(config, "intermediate_size", "encoder_ffn_dim")
    layers = _largest(config, "num_hidden_layers", "encoder_layers")
    count = layers * (4 * width**2 + 2 * width * ffn)
    if config.get("model_type") in _CONFORMERS:  # a second feed-forward layer, and a convolution
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


def _check_extractor(values: dict, shown: str, name: str, config: dict) -> None:
    check_values(values, shown, name)
    for part in (values, values.get("feature_extractor") or {}):
        if not isinstance(part, dict):
            raise refused(shown, name, "feature_extractor should be a mapping")
        kind = part.get("feature_extractor_type")
        if not isinstance(kind, (str, type(None))) or kind not in _EXTRACTORS:
            raise refused(
                shown,
                name,
                f"feature_extractor_type should be one of {', '.join(_EXTRACTORS[:-1])}, found "
                f"{short(kind)}",
            )
        is_whisper = kind == _EXTRACTORS[0] or config.get("model_type") == "whisper"
        if is_whisper and part.get("feature_size") == 1:  # it would pad a clip to a square
            raise refused(
                shown, name, "feature_size should be Whisper's number of mel bands, found 1"
            )
        seconds, rate = part.get("chunk_length") or 30, part.get("sampling_rate") or 16_000
        values_at_once = seconds * rate // (part.get("hop_length") or 160)
        values_at_once *= (part.get("n_fft") or 400) // 2 + 1
        if values_at_once > MAX_SPECTRUM_VALUES:
            raise refused(
                shown,
                name,
                f"its window has {values_at_once:,} values of a spectrum, at most "
                f"{MAX_SPECTRUM_VALUES:,} are computed: chunk_length or n_fft is too large, or "
                "hop_length too small",
            )


def _check_labels(config: dict, shown: str) -> None:
    for key in ("id2label", "label2id"):
        labels = config.get(key)
        if not labels or not isinstance(labels, dict):
            continue  # id2label is read and, where it is nonsense, refused by its reader
        if len(labels) > MAX_LABELS:
            raise refused(
                shown, "config.json", f"it has {len(labels):,} labels, at most {MAX_LABELS:,} fit"
            )
        texts = labels.values() if key == "id2label" else labels
        if any(not isinstance(text, str) or len(text) > MAX_LABEL_LENGTH for text in texts):
            raise refused(
                shown,
                "config.json",
                f"each label should be a text of at most {MAX_LABEL_LENGTH} characters",
            )
    ids = config.get("label2id") or {}
    if not isinstance(ids, dict) or any(not _is_id(value) for value in ids.values()):
        raise refused(shown, "config.json", "label2id should map labels to whole numbers from 0")


def _check_convolutions(config: dict, shown: str) -> None:
    strides = _list(config, "conv_stride")
    if strides and math.prod(strides) < MIN_SAMPLES_PER_FRAME:
        raise refused(
            shown,
            "config.json",
            f"conv_stride makes a frame of {math.prod(strides)} samples, at least "
            f"{MIN_SAMPLES_PER_FRAME} are needed",
        )


def _is_id(value: object) -> bool:
    try:
        return not isinstance(value, (bool, float)) and 0 <= int(value) <= MAX_INTEGER
    except (TypeError, ValueError):
        return False


def _is_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _list(config: dict, key: str) -> list[int]:
    value = config.get(key)
    return value if isinstance(value, list) else []


def _largest(config: dict, *keys: str) -> int:
    return max((v for key in keys if is_integer(v := config.get(key))), default=0)
