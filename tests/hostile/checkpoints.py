"""Hostile checkpoints: configs that claim much, say nonsense or lead elsewhere, and odd files."""

import atexit
import functools
import json
import os
import random
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from intent.errors import IntentError
from tests import tiny
from tests.hostile.case import Case

Change = Callable[[Path], None]  # spoils a whole checkpoint's folder
BASES = {"whisper": tiny.tiny_whisper, "wav2vec2": tiny.tiny_wav2vec2}
CONFIG, EXTRACTOR = "config.json", "preprocessor_config.json"

NONSENSE = (
    10**9,
    -1,
    0,
    1,
    2**63,
    1e308,
    float("nan"),
    "x",
    "9" * 5_000,
    True,
    None,
    [],
    [10**9],
    [1] * 100_000,
    {},
    {"a": {"b": 1}},
    "kernels-community/flash-attn",
)
NUMBERS = {  # a field, and what it must not reach memory with
    "whisper": (
        "d_model",
        "encoder_layers",
        "encoder_ffn_dim",
        "encoder_attention_heads",
        "num_mel_bins",
        "max_source_positions",
        "classifier_proj_size",
        "num_labels",
        "hidden_size",
        "num_hidden_layers",
    ),
    "wav2vec2": (
        "hidden_size",
        "num_hidden_layers",
        "intermediate_size",
        "num_attention_heads",
        "num_conv_pos_embeddings",
        "num_feat_extract_layers",
        "classifier_proj_size",
        "num_labels",
        "num_adapter_layers",
        "conv_kernel",
        "conv_dim",
        "conv_stride",
    ),
}
OF_EXTRACTOR = (
    "n_fft",
    "hop_length",
    "chunk_length",
    "sampling_rate",
    "feature_size",
    "n_samples",
    "nb_max_frames",
    "max_length",
)
ELSEWHERE = {
    "auto_map": {
        "AutoConfig": "owner/name--code.Config",
        "AutoModelForAudioClassification": "code.M",
    },
    "quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True},
    "attn_implementation": "kernels-community/flash-attn",
    "trust_remote_code": True,
    "_attn_implementation": "owner/kernel:function",
    "torch_dtype": "load",
    "dtype": "Tensor",
    "transformers_weights": "../../other.safetensors",
    "backbone": "owner/name",
    "configuration_files": ["config.4.0.0.json"],
    "_name_or_path": "owner/name",
    "architectures": 5,
    "model_type": ["whisper"],
    "per_layer_config": {"0": {"d_model": 10**6}},
    "fusion_config": {"x": True},
    "gguf_file": "x.gguf",
    "__class__": "x",
    "to_dict": "x",
    "feature_extractor_type": "ClapFeatureExtractor",
    "use_kernels": True,
}


def cases(seed: int, count: int = 600, every: int = 1) -> Iterator[Case]:
    """Yield one bomb in so many, and so many configs with one or two fields of nonsense."""
    for kind in BASES:
        _whole(kind)  # ahead of the forks that use it
        changes = {**_numbers(kind), **_labels(), **_texts(), **_files(), **_weights()}
        for name, change in list(changes.items())[seed % every :: every]:
            yield Case(f"{kind}: {name}", partial(_spoil_and_use, kind, change))
    for number in range(count):
        kind = sorted(BASES)[number % len(BASES)]
        yield Case(
            f"{kind}: nonsense {seed}-{number}",
            partial(_spoil_and_use, kind, partial(_nonsense, f"{seed}-{number}")),
        )


def use(folder: Path) -> None:
    """Do with a checkpoint all that the app does, each step though the one before was refused."""
    from intent.audio.clip import Clip
    from intent.checkpoints.resolve import describe, resolve
    from intent.models import encoders
    from intent.models.classifier import predict
    from intent.models.loading import load

    name, clip, refusals = str(folder), Clip(tiny.tone("low"), 8_000), []
    steps = (
        lambda: describe(name),
        lambda: resolve(name),
        lambda: predict(load(name, "cpu"), clip),
        lambda: encoders.load_shapes(name, 1),
        lambda: encoders.load_base(name, tiny.LABELS, 1),
        lambda: encoders.trained_on(name),
    )
    for step in steps:
        try:
            step()
        except IntentError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


@functools.cache
def _whole(kind: str) -> Path:
    """Return the folder of a whole checkpoint, made once and removed at the process's end."""
    folder = tempfile.mkdtemp(prefix="hostile-whole-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return BASES[kind](Path(folder, kind))


def _spoil_and_use(kind: str, change: Change, folder: Path) -> None:
    whole = _whole(kind)
    checkpoint = Path(shutil.copytree(whole, folder / "checkpoint"))
    change(checkpoint)
    use(checkpoint)


def _edit(file: str, changes: dict[str, object], folder: Path) -> None:
    values = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**values, **changes}))


def _nonsense(seed: str, folder: Path) -> None:
    draw = random.Random(seed)
    for _ in range(draw.randint(1, 2)):
        file = draw.choice((CONFIG, CONFIG, EXTRACTOR))
        keys = sorted(json.loads((folder / file).read_text()))
        _edit(file, {draw.choice(keys): draw.choice(NONSENSE)}, folder)


def _numbers(kind: str) -> dict[str, Change]:
    changes: dict[str, Change] = {}
    for key in NUMBERS[kind]:
        for value in (10**9, 10**6, 16_000, 128, -5, 1.5, [10**9] * 7, [10**5] * 3):
            changes[f"{key} {value}"] = partial(_edit, CONFIG, {key: value})
    for key in OF_EXTRACTOR:
        for value in (10**9, 4_000, 1, 0, -1, "x", 2.5):
            changes[f"extractor's {key} {value}"] = partial(_edit, EXTRACTOR, {key: value})
    for key, value in ELSEWHERE.items():
        changes[f"config's {key} {str(value)[:40]}"] = partial(_edit, CONFIG, {key: value})
        changes[f"extractor's {key} {str(value)[:40]}"] = partial(_edit, EXTRACTOR, {key: value})
    large = {
        "d_model": 16_000,
        "hidden_size": 16_000,
        "encoder_layers": 128,
        "num_hidden_layers": 128,
        "encoder_ffn_dim": 16_000,
        "intermediate_size": 16_000,
    }
    middle = {"d_model": 2_048, "hidden_size": 2_048, "encoder_layers": 24, "num_hidden_layers": 24}
    return changes | {
        "500 billion parameters": partial(_edit, CONFIG, large),
        "a billion parameters that no weights have": partial(_edit, CONFIG, middle),
        "a spectrum of 15 GB": partial(
            _edit, EXTRACTOR, {"n_fft": 4_096, "hop_length": 1, "chunk_length": 300}
        ),
    }


def _labels() -> dict[str, Change]:
    many = {str(i): f"label {i}" for i in range(20_000)}
    named = {
        "20,000 labels": many,
        "a list": ["a", "b"],
        "a number": 7,
        "labels of numbers": {"0": 1},
        "a label of a megabyte": {"0": "x" * 10**6},
        "no whole numbers": {"1.5": "a"},
        "a huge number": {"9" * 5_000: "a"},
        "lists": {"0": ["a"] * 10},
        "nothing": {"0": None},
    }
    changes = {
        f"id2label: {name}": partial(_edit, CONFIG, {"id2label": value})
        for name, value in named.items()
    }
    others = (["a"], 7, {"a": "x"}, {"a": 10**12}, {"a": -1}, {"a": None})
    return changes | {
        f"label2id: {value}": partial(_edit, CONFIG, {"label2id": value}) for value in others
    }


def _texts() -> dict[str, Change]:
    texts = {
        "nothing": "",
        "no JSON": "{",
        "a list": "[]",
        "nested lists": "[" * 10**6,
        "nested objects": '{"a":' * 10**5,
        "NaN": '{"d_model": NaN}',
        "1e999": '{"d_model": 1e999}',
        "a number of a megabyte": '{"d_model": ' + "9" * 10**6 + "}",
        "30 MB": '{"a": "' + "x" * 30_000_000 + '"}',
        "2 MB of lists": "[" + "[]," * 600_000 + "[]]",
        "a mark of order": "\ufeff{}",
        "a broken surrogate": '{"model_type": "\\ud800"}',
    }
    files = (
        CONFIG,
        EXTRACTOR,
        "processor_config.json",
        "provenance.json",
        "model.safetensors.index.json",
        "adapter_config.json",
        "generation_config.json",
    )
    return {
        f"{file}: {name}": partial(_write_text, file, text)
        for file in files
        for name, text in texts.items()
    }


def _write_text(file: str, text: str, folder: Path) -> None:
    (folder / file).write_bytes(text.encode("utf-8"))


def _files() -> dict[str, Change]:
    files = (
        CONFIG,
        EXTRACTOR,
        "processor_config.json",
        "provenance.json",
        "model.safetensors",
        "adapter_config.json",
        "generation_config.json",
    )
    kinds = {
        "a pipe": os.mkfifo,
        "a socket": _socket,
        "a folder": Path.mkdir,
        "a link to itself": lambda path: path.symlink_to(path),
        "a link to nothing": lambda path: path.symlink_to("nothing"),
        "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    }
    return {
        f"{file}: {name}": partial(_replace, file, make)
        for file in files
        for name, make in kinds.items()
    }


def _replace(file: str, make: Callable[[Path], object], folder: Path) -> None:
    (folder / file).unlink(missing_ok=True)
    make(folder / file)


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the names of sockets are at most 108 characters long
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def _weights() -> dict[str, Change]:
    tensor = {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}
    headers = {
        "a tensor of 10**12 numbers": {"classifier.weight": tensor},
        "a tensor of 10**12 numbers in no bytes": {"a": {**tensor, "data_offsets": [0, 0]}},
        "a shape of a million sides": {"a": {**tensor, "shape": [2] * 10**5}},
        "a negative side": {"a": {**tensor, "shape": [-1, -1]}},
        "a shape of text": {"a": {**tensor, "shape": "x"}},
        "a list": [],
        "a text": "x",
        "200,000 tensors": {
            f"a{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(60_000)
        },
    }
    changes: dict[str, Change] = {
        f"safetensors: {name}": partial(_write_header, json.dumps(header).encode())
        for name, header in headers.items()
    }
    claims = {
        f"safetensors: a header of {size:.0e} bytes": partial(_write_header, b"{}", size=size)
        for size in (10**8, 2**31, 2**63, 2**64 - 1)
    }
    indexes = {
        "../../other.safetensors",
        "/etc/passwd",
        "model/../../x.safetensors",
        "model.bin",
        "",
        "modeling.py",
        "model-1.safetensors",
        "model-pipe.safetensors",
    }
    return (
        changes
        | claims
        | {
            "safetensors: 100 MB of header": partial(_write_header, b"{" + b" " * 10**8 + b"}"),
            "safetensors: nothing": partial(_write_text, "model.safetensors", ""),
            "safetensors: a text": partial(_write_text, "model.safetensors", "x" * 1_000),
            "safetensors: 4 GB of one tensor": _one_large_tensor,
            **{f"index: {name}": partial(_index, name) for name in sorted(indexes)},
        }
    )


def _write_header(text: bytes, folder: Path, size: int | None = None) -> None:
    length = len(text) if size is None else size
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", length) + text)


def _one_large_tensor(folder: Path) -> None:
    size = 4 * 10**9
    tensor = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
    text = json.dumps({"classifier.weight": tensor}).encode()
    _write_header(text, folder)
    os.truncate(folder / "model.safetensors", 8 + len(text) + size)


def _index(name: str, folder: Path) -> None:
    shutil.move(folder / "model.safetensors", folder / "weights.safetensors")
    os.mkfifo(folder / "model-pipe.safetensors")
    index = {"metadata": {}, "weight_map": {"classifier.bias": name}}
    _write_text("model.safetensors.index.json", json.dumps(index), folder)
