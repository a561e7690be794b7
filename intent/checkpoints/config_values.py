"""Check every number, list and text in the configs of a checkpoint against bounds.

See intent/checkpoints/bounds.py for the reason.
"""

from typing import TypeGuard

from intent.checkpoints.files import Json
from intent.errors import CheckpointError

MAX_INTEGER = 1_000_000  # of any field without a bound of its own; vocabularies have 250,000
MAX_FLOAT = 1e12  # of any field; the largest in use is a mask of -1e9
MAX_ENTRIES = 10_000  # of any list or mapping
MAX_TEXT = 10_000  # characters of any text
MAX_DEPTH = 8  # of nested lists and mappings; the mel filters of Whisper have 2

MAX_LABELS = 10_000  # MMS has 4,017 languages
_LAYERS = (0, 128)  # XLS-R-2B has 48
_WIDTH = (1, 16_384)  # the feed-forward layers of XLS-R-2B have 7,680
_KERNEL = (1, 1_024)  # samples or frames; position embeddings of wav2vec 2.0 have 128
_POSITIONS = (1, 15_000)  # frames of 20 ms: 300 s; Whisper has 1,500
_BOUNDS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(
        (
            "num_hidden_layers",
            "encoder_layers",
            "decoder_layers",
            "num_layers",
            "num_adapter_layers",
            "num_feat_extract_layers",
        ),
        _LAYERS,
    ),
    **dict.fromkeys(
        (
            "hidden_size",
            "d_model",
            "intermediate_size",
            "encoder_ffn_dim",
            "decoder_ffn_dim",
            "classifier_proj_size",
            "output_hidden_size",
            "conv_dim",
            "feature_projection_input_dim",
            "tdnn_dim",
            "xvector_output_dim",
            "codevector_dim",
            "proj_codevector_dim",
            "adapter_attn_dim",
            "adapter_act_dim",
        ),
        _WIDTH,
    ),
    **dict.fromkeys(
        ("num_attention_heads", "encoder_attention_heads", "decoder_attention_heads"), (1, 256)
    ),
    **dict.fromkeys(
        (
            "conv_kernel",
            "conv_stride",
            "tdnn_kernel",
            "tdnn_dilation",
            "squeeze_factor",
            "num_conv_pos_embeddings",
            "num_conv_pos_embedding_groups",
            "patch_size",
            "conv_depthwise_kernel_size",
            "adapter_kernel_size",
            "adapter_stride",
            "conv_pos_kernel_size",
            "frequency_stride",
            "time_stride",
            "stride",
        ),
        _KERNEL,
    ),
    **dict.fromkeys(
        (
            "max_source_positions",
            "max_target_positions",
            "max_position_embeddings",
            "left_max_position_embeddings",
            "right_max_position_embeddings",
            "num_buckets",
            "max_bucket_distance",
        ),
        _POSITIONS,
    ),
    **dict.fromkeys(("num_mel_bins", "feature_size"), (1, 1_024)),  # 128 at most in use
    **dict.fromkeys(("num_labels", "_num_labels"), (1, MAX_LABELS)),
    "vocab_size": (1, MAX_INTEGER),
    "max_length": (1, 30_000),  # frames of 10 ms: 300 s; the spectrogram transformer has 1,024
    "sampling_rate": (4_000, 48_000),  # Hz; 16,000 in use
    "chunk_length": (1, 300),  # seconds; Whisper has 30
    "n_fft": (16, 4_096),  # samples; Whisper has 400
    "hop_length": (1, 4_096),  # samples; Whisper has 160
    "n_samples": (1, 14_400_000),  # 300 s at 48 kHz
}

_PER_LAYER = (
    "conv_dim",
    "conv_kernel",
    "conv_stride",
    "tdnn_dim",
    "tdnn_kernel",
    "tdnn_dilation",
)
MAX_CONVOLUTIONS = 32  # SEW has 13

# Keys that make transformers download, import or run something else, or read other files.
_FORBIDDEN = frozenset(
    {
        "adapter_kwargs",
        "auto_map",
        "backbone",
        "backbone_config",
        "backbone_kwargs",
        "compression_config",
        "configuration_files",
        "custom_pipelines",
        "device_map",
        "extra_files",
        "fusion_config",
        "gguf_file",
        "kernel_config",
        "per_layer_config",
        "quantization_config",
        "transformers_weights",
        "trust_remote_code",
        "use_kernels",
        "use_pretrained_backbone",
        "use_timm_backbone",
    }
)
_ATTENTION = (None, "eager", "sdpa")  # any other may name a kernel, which is downloaded and run
_DTYPES = (None, "float32", "float16", "bfloat16", "float64", "auto")


def check_values(value: Json, shown: str, file: str, key: str = "", depth: int = 0) -> None:
    """Raise CheckpointError unless a JSON value and all values within it are in bounds.

    shown: the name of the checkpoint in errors; key: the field that the value belongs to.
    """
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise refused(shown, file, f"its values are nested more than {MAX_DEPTH} deep")
        if len(value) > MAX_ENTRIES:
            raise refused(
                shown,
                file,
                f"{short(key)} has {len(value):,} entries; at most {MAX_ENTRIES:,} are supported",
            )
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_key(name, inner, shown, file)
            check_values(inner, shown, file, name, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_values(inner, shown, file, key, depth + 1)
    elif isinstance(value, str) and len(value) > MAX_TEXT:
        raise refused(shown, file, f"{short(key)} has {len(value):,} characters")
    elif isinstance(value, int) and not isinstance(value, bool) and key not in _BOUNDS:
        if abs(value) > MAX_INTEGER:
            raise _out_of_range(shown, file, key, (-MAX_INTEGER, MAX_INTEGER), value)
    elif isinstance(value, float) and not abs(value) <= MAX_FLOAT:
        raise refused(shown, file, f"{short(key)} should be at most {MAX_FLOAT:g}")


def _check_key(key: str, value: Json, shown: str, file: str) -> None:
    if (key in _FORBIDDEN and value not in (None, False)) or key.startswith("__"):
        raise refused(shown, file, f"{short(key)} is not allowed: it can download or run code")
    if key.endswith("_implementation") or key == "_attn_implementation_internal":
        if not isinstance(value, (str, type(None))) or value not in _ATTENTION:
            raise refused(
                shown, file, f"{short(key)} should be eager or sdpa, but is {short(value)}"
            )
    if key in ("dtype", "torch_dtype"):
        text = value.removeprefix("torch.") if isinstance(value, str) else value
        if not isinstance(text, (str, type(None))) or text not in _DTYPES:
            raise refused(
                shown,
                file,
                f"{key} should be one of {', '.join(_DTYPES[1:])}, but is {short(value)}",
            )
    if key in _BOUNDS:
        low, high = _BOUNDS[key]
        numbers = value if isinstance(value, list) and key in _PER_LAYER else [value]
        if len(numbers) > MAX_CONVOLUTIONS:
            raise refused(
                shown,
                file,
                f"{key} has {len(numbers):,} entries; at most {MAX_CONVOLUTIONS} are supported",
            )
        for number in numbers:
            if number is not None and not (is_integer(number) and low <= number <= high):
                raise _out_of_range(shown, file, key, (low, high), number)


def is_integer(value: Json) -> TypeGuard[int]:
    """Return whether a JSON value is a whole number; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def short(value: Json) -> str:
    """Return a JSON value as text for an error, shortened to 60 characters."""
    text = " ".join(str(value).split()) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _out_of_range(
    shown: str, file: str, key: str, bounds: tuple[int, int], value: Json
) -> CheckpointError:
    low, high = bounds
    return refused(
        shown,
        file,
        f"{short(key)} should be a whole number from {low:,} to {high:,}, but is {short(value)}",
    )


def refused(shown: str, file: str, reason: str) -> CheckpointError:
    """Return the error for a value in a file of a checkpoint that is not allowed."""
    return CheckpointError(
        f"{shown} cannot be used because of its {file} ({reason}): save it again with "
        "save_pretrained, or choose another checkpoint."
    )
