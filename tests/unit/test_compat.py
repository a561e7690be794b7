"""The private parts of libraries that we use: each test fails on an upgrade that changes one."""

import subprocess
import sys
from pathlib import Path

import datasets
import pytest
import torch
from transformers import (
    ASTConfig,
    ASTForAudioClassification,
    TrainingArguments,
    Wav2Vec2Config,
    Wav2Vec2ForSequenceClassification,
)

from intent import compat
from tests.repository import ROOT


def test_cached_dataset_is_found_by_the_id_and_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    folder = tmp_path / "owner___set" / "en-US" / "0.0.0" / "a1b2"
    folder.mkdir(parents=True)
    features = datasets.Features(label=datasets.Value("string"))
    info = datasets.DatasetInfo(
        dataset_name="set",
        config_name="en-US",
        version="0.0.0",
        features=features,
        splits=datasets.SplitDict({"train": datasets.SplitInfo("train", num_examples=1)}),
    )
    info.write_to_directory(str(folder))
    rows = datasets.Dataset.from_dict({"label": ["pay_bill"]}, features=features)
    with datasets.arrow_writer.ArrowWriter(path=str(folder / "set-train.arrow")) as writer:
        writer.write_table(rows.data.table)
        writer.finalize()
    cached = compat.cached_dataset("owner/set", "en-US")
    assert cached.as_dataset(split="train")["label"][:] == ["pay_bill"]
    with pytest.raises((ValueError, OSError)):
        compat.cached_dataset("owner/set", "en-GB")


def test_ffmpeg_refuses_an_allocation_beyond_the_limit() -> None:
    code = (
        "import av\n"
        "from intent.compat import limit_ffmpeg_allocation\n"
        "av.AudioFrame(format='s16', layout='mono', samples=1_000_000)\n"
        "limit_ffmpeg_allocation(1_000_000)\n"
        "try: av.AudioFrame(format='s16', layout='mono', samples=1_000_000)\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "MemoryError"


@pytest.mark.parametrize("name", ["eager", "sdpa"])
def test_attention_implementation_is_the_one_that_the_model_was_loaded_with(name: str) -> None:
    config = Wav2Vec2Config(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        conv_dim=(8,),
        conv_kernel=(3,),
        conv_stride=(2,),
        num_feat_extract_layers=1,
        num_conv_pos_embeddings=2,
        num_conv_pos_embedding_groups=2,
        attn_implementation=name,
    )
    model = Wav2Vec2ForSequenceClassification(config)
    assert compat.attention_implementation(model.config) == name


def test_a_process_trains_on_one_of_several_gpus(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    arguments._n_gpu = 4
    assert arguments.n_gpu == 4
    compat.train_on_one_device(arguments)
    assert arguments.n_gpu == 1
    assert arguments.train_batch_size == arguments.per_device_train_batch_size


def test_replaced_children_are_not_replaced_in_the_original() -> None:
    original = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    other = torch.nn.Identity()
    changed = compat.with_children(original, **{"1": other})
    assert list(changed.children()) == [original[0], other]
    assert isinstance(original[1], torch.nn.ReLU)


def tiny_config(**changes: object) -> Wav2Vec2Config:
    sizes: dict[str, object] = {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "conv_dim": (8,),
        "conv_kernel": (3,),
        "conv_stride": (2,),
        "num_feat_extract_layers": 1,
        "num_conv_pos_embeddings": 2,
        "num_conv_pos_embedding_groups": 2,
    }
    return Wav2Vec2Config(**{**sizes, **changes})


def test_a_copied_model_records_each_hidden_state_once() -> None:
    model = Wav2Vec2ForSequenceClassification(tiny_config()).eval().base_model
    compat.record_hidden_states(model)
    copied = compat.with_children(model, feature_extractor=model.feature_extractor)
    for one in (model, copied, model):
        states = one(torch.zeros(1, 99), output_hidden_states=True).hidden_states
        assert len(states) == 3  # the input of the first of two layers, and their outputs


def test_only_batches_as_long_as_a_mask_are_masked() -> None:
    model = Wav2Vec2ForSequenceClassification(tiny_config(mask_time_length=10)).train()
    hidden = torch.ones(1, 9, 8)
    with pytest.raises(ValueError, match="`mask_length` has to be smaller"):
        model.base_model._mask_hidden_states(hidden.clone())
    compat.mask_long_batches_only(model)
    assert torch.equal(model.base_model._mask_hidden_states(hidden.clone()), hidden)
    long = torch.ones(1, 10, 8)
    assert not torch.equal(model.base_model._mask_hidden_states(long.clone()), long)
    model.eval()
    assert torch.equal(model.base_model._mask_hidden_states(long.clone()), long)


def test_a_model_without_masks_is_left_as_it_is() -> None:
    compat.mask_long_batches_only(ASTForAudioClassification(ASTConfig(num_hidden_layers=0)))
