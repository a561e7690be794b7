"""A checkpoint's claims are bounded before anything is computed with them, and lead nowhere."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intent.checkpoints import bounds as checkpoint_bounds
from intent.checkpoints import config_values
from intent.checkpoints.bounds import check_config, estimate_parameters, read_checked_config
from intent.checkpoints.files import count_numbers, weight_files
from intent.checkpoints.provenance import read_provenance
from intent.checkpoints.resolve import describe, resolve, short
from intent.errors import CheckpointError
from intent.models import encoders
from intent.models.loading import load
from intent.paths import BUNDLED_CHECKPOINT
from tests import tiny
from tests.repository import ROOT

CONFIG, EXTRACTOR, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = sorted(
    {
        *config_values._BOUNDS,
        *config_values._FORBIDDEN,
        "id2label",
        "label2id",
        "model_type",
        "architectures",
        "dtype",
        "_attn_implementation",
    }
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return tiny.tiny_whisper(tmp_path_factory.mktemp("whole") / "whisper")


@pytest.fixture
def folder(whole, tmp_path) -> Path:
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "spoilt"))


def edit(folder: Path, file: str, **changes: object) -> None:
    values = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**values, **changes}))


def refusals(folder: Path) -> set[str]:
    """What the page says of a checkpoint, and what training says of it as a base: the reasons."""
    reasons = set()
    for use in (
        describe,
        load,
        lambda name: encoders.load_shapes(name, 1),
        lambda name: encoders.load_base(name, tiny.LABELS, 1),
    ):
        with pytest.raises(CheckpointError) as caught:
            use(str(folder))
        message = str(caught.value)
        assert "\n" not in message and message.endswith(".")
        reasons.add(message[message.index("(") + 1 : message.rindex(")")])
    return reasons


@pytest.mark.parametrize(
    ("file", "key", "value", "bounds"),
    [
        (CONFIG, "num_labels", 10**9, "1 to 10,000"),
        (CONFIG, "encoder_layers", 10**6, "0 to 128"),
        (CONFIG, "d_model", 10**9, "1 to 16,384"),
        (CONFIG, "d_model", "32", "1 to 16,384"),
        (CONFIG, "d_model", True, "1 to 16,384"),
        (CONFIG, "d_model", [32], "1 to 16,384"),
        (CONFIG, "d_model", -32, "1 to 16,384"),
        (CONFIG, "max_source_positions", 10**7, "1 to 15,000"),
        (CONFIG, "a_field_of_tomorrow", 10**9, "-1,000,000 to 1,000,000"),
        (EXTRACTOR, "n_fft", 10**9, "16 to 4,096"),
        (EXTRACTOR, "chunk_length", 10**9, "1 to 300"),
        (EXTRACTOR, "sampling_rate", 10**9, "4,000 to 48,000"),
        (EXTRACTOR, "hop_length", 0, "1 to 4,096"),
    ],
)
def test_a_number_out_of_bounds_is_refused_wherever_a_checkpoint_is_used(
    folder, file, key, value, bounds
):
    edit(folder, file, **{key: value})
    assert refusals(folder) == {f"{key} should be a whole number from {bounds}, but is {value}"}


def test_a_refusal_says_what_was_expected_and_found_and_what_to_do(folder):
    edit(folder, CONFIG, num_labels=10**9)
    with pytest.raises(CheckpointError) as caught:
        describe(str(folder))
    assert str(caught.value) == (
        f'The checkpoint "{short(str(folder))}" cannot be used because of its config.json '
        "(num_labels should be a whole number from 1 to 10,000, but is 1000000000): save it again "
        "with save_pretrained, or choose another checkpoint."
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"d_model": 16_000, "encoder_layers": 128, "encoder_ffn_dim": 16_000},
            "it describes 196.6 billion parameters; at most 3 billion are supported",
        ),
        (
            {"id2label": {str(i): str(i) for i in range(10_001)}},
            "it has 10,001 labels; at most 10,000 are supported",
        ),
        (
            {"id2label": {"0": "x" * 10**6}},
            "each label should be a string of at most 200 characters",
        ),
        ({"id2label": {"0": 5}}, "each label should be a string of at most 200 characters"),
        ({"label2id": {"a": 10**12}}, "label2id should map labels to whole numbers from 0"),
        ({"architectures": 5}, "architectures should be a list of strings"),
        ({"model_type": ["whisper"]}, "model_type should be a string"),
    ],
)
def test_a_config_that_describes_too_much_or_nonsense_is_refused(folder, changes, reason):
    edit(folder, CONFIG, **changes)
    assert refusals(folder) == {reason}


@pytest.mark.parametrize("file", [CONFIG, EXTRACTOR])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_map", {"AutoConfig": "owner/name--code.Config"}),
        ("trust_remote_code", True),
        ("quantization_config", {"quant_method": "x"}),
        ("backbone", "owner/name"),
        ("transformers_weights", "other.safetensors"),
        ("configuration_files", ["config.4.json"]),
        ("use_kernels", True),
        ("__class__", "x"),
    ],
)
def test_a_key_that_loads_other_code_or_files_is_refused(folder, file, key, value):
    edit(folder, file, **{key: value})
    assert refusals(folder) == {f"{key} is not allowed: it can download or run code"}


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_kernel_of_the_hub_is_not_fetched_for_attention(folder, key):
    edit(folder, CONFIG, **{key: "kernels-community/flash-attn"})
    assert refusals(folder) == {
        f"{key} should be eager or sdpa, but is kernels-community/flash-attn"
    }


def test_what_is_no_dtype_is_not_looked_up_in_torch(folder):
    edit(folder, CONFIG, dtype="load")
    assert refusals(folder) == {
        "dtype should be one of float32, float16, bfloat16, float64, auto, but is load"
    }


def test_a_window_whose_spectrum_would_fill_memory_is_refused(folder):
    edit(folder, EXTRACTOR, n_fft=4_096, hop_length=1, chunk_length=300)
    assert refusals(folder) == {
        "its window has 9,835,200,000 spectrum values; at most 20,000,000 are supported: "
        "chunk_length or n_fft is too large, or hop_length too small"
    }


def test_whisper_does_not_pad_a_clip_to_a_square(folder):
    edit(folder, EXTRACTOR, feature_size=1)
    assert refusals(folder) == {
        "feature_size should be the number of mel bands of Whisper, but is 1"
    }


def test_weights_too_few_for_a_config_are_refused(folder):
    edit(folder, CONFIG, d_model=2_048, encoder_layers=24)
    for use in (load, lambda name: encoders.load_base(name, tiny.LABELS, 1)):
        with pytest.raises(CheckpointError, match="they do not belong together") as caught:
            use(str(folder))
        said = re.search(r"describes about ([0-9,]+) parameters", str(caught.value))
        assert int(said[1].replace(",", "")) > 400_000_000


def test_the_memory_of_refusing_a_bomb_is_small(folder):
    edit(folder, CONFIG, num_labels=10**9, encoder_layers=10**6)
    edit(folder, EXTRACTOR, n_fft=10**9)
    script = (
        "import resource, sys; from intent.checkpoints.resolve import describe\n"
        "from intent.errors import CheckpointError\n"
        "import transformers.models.auto.modeling_auto\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: describe(sys.argv[1])\n"
        "except CheckpointError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    out = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert int(out) < 50_000  # KB


def test_models_in_use_are_within_the_bounds():
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    xls_r_2b = {"hidden_size": 1920, "intermediate_size": 7680, "num_hidden_layers": 48}
    large = {
        "d_model": 1280,
        "encoder_layers": 32,
        "encoder_ffn_dim": 5120,
        "decoder_layers": 32,
        "num_mel_bins": 128,
        "vocab_size": 51_866,
    }
    languages = {"id2label": {i: f"language {i}" for i in range(4_017)}}
    cases = [(family, {}) for family in CLASSIFIERS]
    for family, changes in [
        *cases,
        ("wav2vec2", xls_r_2b),
        ("whisper", large),
        ("wav2vec2", languages),
    ]:
        config = json.loads(CONFIG_MAPPING[family](**changes).to_json_string(use_diff=False))
        check_config(config, family)


def test_the_estimate_of_parameters_is_about_what_the_weights_hold():
    config = read_checked_config(BUNDLED_CHECKPOINT, "x")
    held = count_numbers(weight_files(BUNDLED_CHECKPOINT, "x"), "x")
    assert estimate_parameters(config) == pytest.approx(held, rel=0.1)


@pytest.mark.parametrize("file", [CONFIG, EXTRACTOR, "processor_config.json", WEIGHTS])
def test_opening_a_pipe_does_not_block(folder, file):
    (folder / file).unlink(missing_ok=True)
    os.mkfifo(folder / file)
    with pytest.raises(CheckpointError):
        resolve(str(folder))
    with pytest.raises(CheckpointError):
        encoders.load_base(str(folder), tiny.LABELS, 1)


def test_a_provenance_that_is_a_pipe_too_long_or_nonsense_is_none(tmp_path):
    path = tmp_path / "provenance.json"
    os.mkfifo(path)
    assert read_provenance(tmp_path) is None
    path.unlink()
    for text in (
        "[" * 10**6,
        '{"a":' * 10**5,
        " " * 9_000_000,
        json.dumps(
            {
                "base": 5,
                "preset": "x",
                "data": "x",
                "locales": [],
                "seed": 0,
                "accuracy": "high",
                "interval": None,
                "test_clips": 1,
                "trained_on": [],
            }
        ),
    ):
        path.write_text(text)
        assert read_provenance(tmp_path) is None


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_only_a_regular_file_counts_as_weights(folder, kind):
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir() if kind == "folder" else os.mkfifo(folder / WEIGHTS)
    with pytest.raises(CheckpointError) as caught:
        resolve(str(folder))
    assert str(caught.value) == (
        f'The checkpoint "{short(str(folder))}" has weights that cannot be used (model.safetensors '
        "is not a regular file): save or download it again, or choose another checkpoint."
    )


def test_links_to_regular_files_are_weights_as_in_the_hubs_cache(folder, tmp_path):
    for file in (CONFIG, EXTRACTOR, WEIGHTS):
        (folder / file).rename(tmp_path / file)
        (folder / file).symlink_to(tmp_path / file)
    assert describe(str(folder)).labels == tiny.LABELS
    assert load(str(folder), "cpu").window_seconds == 2


@pytest.mark.parametrize(
    "name", ["../../other.safetensors", "/etc/passwd", "model/../../x.safetensors", "model.bin"]
)
def test_an_index_that_names_files_outside_its_folder_is_refused(folder, name):
    (folder / WEIGHTS).rename(folder / "weights.safetensors")
    index = {"metadata": {}, "weight_map": {"classifier.bias": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError) as caught:
        resolve(str(folder))
    assert "names a file other than model*.safetensors in the same folder" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "length", "reason"),
    [
        (
            {"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}},
            None,
            "a header that claims more than the file contains",
        ),
        (
            {"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 0]}},
            None,
            "a header that claims more than the file contains",
        ),
        (
            {"a": {"dtype": "F32", "shape": [2] * 50_000, "data_offsets": [0, 0]}},
            None,
            "a damaged header",
        ),
        ({}, 10**8, "a header of 100000000 bytes"),
        ([], None, "a damaged header"),
    ],
)
def test_weights_whose_header_claims_too_much_are_refused(folder, header, length, reason):
    text = json.dumps(header).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", length or len(text)) + text)
    assert refusals_of_weights(folder) == {f"model.safetensors has {reason}"}


def refusals_of_weights(folder: Path) -> set[str]:
    reasons = set()
    for use in (load, lambda name: encoders.load_base(name, tiny.LABELS, 1)):
        with pytest.raises(CheckpointError) as caught:
            use(str(folder))
        reasons.add(str(caught.value).split("(")[1].split(")")[0])
    return reasons


@given(values=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=20), JSON, max_size=6))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_any_config_is_accepted_or_refused_in_a_sentence(values):
    try:
        check_config(values, "It")
        checkpoint_bounds.check_extractor(values, "It", EXTRACTOR, values)
    except CheckpointError as error:
        assert str(error).startswith("It cannot be used because of its ") and "\n" not in str(error)
        return
    assert 0 <= estimate_parameters(values) <= checkpoint_bounds.MAX_PARAMETERS
