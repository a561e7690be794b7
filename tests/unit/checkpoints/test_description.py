"""What a checkpoint says of itself: folders that hold others, scores, and addresses of the Hub."""

import json
from pathlib import Path

import pytest

from intent.checkpoints import resolve as checkpoints
from intent.checkpoints.resolve import describe, plain_name, short
from intent.errors import CheckpointError
from intent.jobs.request import TrainingRequest, recipe_of
from intent.models.encoders import family, load_base
from intent.models.loading import loaded
from intent.models.typed import reject_label
from intent.runs.access import OWNER, Visitor, check_checkpoint
from tests import tiny


def edit_config(folder: Path, **changes: object) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def refusals(folder: Path) -> list[str]:
    """What is said of a folder as a checkpoint and as a base, without the name before it."""
    said = []
    for use in (describe, family):
        with pytest.raises(CheckpointError) as caught:
            use(str(folder))
        said.append(str(caught.value).partition(f'"{short(str(folder))}" ')[2])
    return said


def checkpoint_folder(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text("{}")
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    (folder / "trainer_state.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["checkpoint-1000", "checkpoint-500"],
            "checkpoint-500 and checkpoint-1000: choose one of these",
        ),
        (["checkpoint-12"], "checkpoint-12: choose that one"),
        (
            [f"checkpoint-{n}" for n in range(1, 9)],
            "checkpoint-1, checkpoint-2, checkpoint-3, checkpoint-4 and 4 others: choose one of "
            "these",
        ),
        (["model"], "model: choose that one"),
    ],
)
def test_a_folder_that_holds_checkpoints_names_them(
    names: list[str], said: str, tmp_path: Path
) -> None:
    folder = checkpoint_folder(tmp_path / "out", *names)
    sentence = f"is a folder of checkpoints, not a checkpoint. It contains {said}."
    assert refusals(folder) == [sentence, sentence]


def test_a_folder_without_any_checkpoint_has_no_config(tmp_path: Path) -> None:
    as_checkpoint, as_base = refusals(checkpoint_folder(tmp_path / "out"))
    assert "it has no config.json" in as_checkpoint and as_base.startswith("has no config.json")


def test_a_base_without_a_feature_extractor_is_refused_as_a_checkpoint_is(tmp_path: Path) -> None:
    folder = tiny.tiny_wav2vec2(tmp_path / "bare")
    (folder / "preprocessor_config.json").unlink()
    sentence = (
        "has no feature extractor (preprocessor_config.json): copy that file from its base model, "
        "or choose another checkpoint."
    )
    assert refusals(folder) == [sentence, sentence]


def test_a_base_without_safetensors_is_refused_as_a_checkpoint_is(tmp_path: Path) -> None:
    folder = tiny.tiny_wav2vec2(tmp_path / "bare")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match='^The base model ".*" has no safetensors weights'):
        load_base(str(folder), tiny.LABELS, 1)


def test_a_whisper_extractor_of_another_rate_than_its_encoder_is_refused(tmp_path: Path) -> None:
    folder = tiny.tiny_whisper(tmp_path / "tiny")
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "sampling_rate": 8_000}))
    with pytest.raises(CheckpointError) as caught:
        load_base(str(folder), tiny.LABELS, 1)
    assert str(caught.value) == (
        f'The base model "{short(str(folder))}" takes 100 spectrum frames in 1 s, but its feature '
        "extractor gives 50: correct hop_length and sampling_rate in its preprocessor_config.json, "
        "or choose another base model."
    )


def test_a_regression_checkpoint_is_refused_since_its_outputs_are_no_scores(tmp_path: Path) -> None:
    folder = edit_config(tiny.tiny_whisper(tmp_path / "tiny"), problem_type="regression")
    for use in (describe, loaded):
        with pytest.raises(CheckpointError) as caught:
            use(str(folder))
        assert str(caught.value) == (
            f'The checkpoint "{short(str(folder))}" was trained to predict numbers (problem_type '
            "regression), so its outputs are not scores from 0 to 1: choose another checkpoint. If "
            "it was trained as a classifier, set problem_type to single_label_classification "
            "in its config.json."
        )


def test_a_checkpoint_with_one_label_is_refused_since_its_score_is_always_1(tmp_path: Path) -> None:
    folder = tiny.tiny_whisper(tmp_path / "tiny", labels=("only",))
    with pytest.raises(CheckpointError, match="has only the label only, so its score is 1"):
        describe(str(folder))
    several = tiny.tiny_whisper(
        tmp_path / "multi", labels=("only",), problem_type="multi_label_classification"
    )
    assert describe(str(several)).multi_label


@pytest.mark.parametrize(
    "address",
    [
        "https://huggingface.co/openai/whisper-base",
        "http://huggingface.co/openai/whisper-base/",
        "https://www.huggingface.co/openai/whisper-base",
        "https://HuggingFace.co/openai/whisper-base",
        "huggingface.co/openai/whisper-base",
        "hf.co/openai/whisper-base",
        " https://hf.co/openai/whisper-base/tree/main ",
        "https://huggingface.co/openai/whisper-base/tree/main/",
        "https://huggingface.co/openai/whisper-base/blob/main/config.json",
        "https://huggingface.co/openai/whisper-base?library=transformers#usage",
    ],
)
def test_the_address_of_a_page_of_the_hub_counts_as_its_id(address: str) -> None:
    assert plain_name(address) == "openai/whisper-base"
    assert checkpoints.local_folder(address) is None
    for visitor in (OWNER, Visitor("a")):
        assert check_checkpoint(visitor, address) == "openai/whisper-base"
    recipe = recipe_of(TrainingRequest("sample", base=address, preset="instant"), OWNER)
    assert recipe.base == "openai/whisper-base"


@pytest.mark.parametrize(
    "address",
    [
        "https://huggingface.co/openai/whisper-base/tree/refs%2Fpr%2F1",
        "https://huggingface.co/openai/whisper-base/tree/v2",
        "https://huggingface.co/datasets/PolyAI",
        "https://huggingface.co/datasets/PolyAI/minds14",
        "https://huggingface.co/spaces/a/b",
        "https://huggingface.co/openai",
        "https://huggingface.co/a--b/c",
        "https://huggingface.co/../etc",
        "https://huggingface.co.evil.org/a/b",
        "https://evil.org/huggingface.co/a/b",
        "ftp://huggingface.co/a/b",
    ],
)
def test_any_other_address_is_no_checkpoint(address: str) -> None:
    assert plain_name(address) == address
    with pytest.raises(CheckpointError, match="neither an existing folder nor a Hub id"):
        describe(address)
    with pytest.raises(CheckpointError):
        check_checkpoint(Visitor("a"), address)


def test_a_checkpoint_names_its_reject_label_or_none(tmp_path: Path) -> None:
    folder = tiny.tiny_whisper(tmp_path / "tiny")
    assert describe(str(folder)).reject_label is None
    assert describe(str(edit_config(folder, reject_label="high"))).reject_label == "high"
    assert describe(str(edit_config(folder, reject_label=None))).reject_label is None


@pytest.mark.parametrize("value", ["none", "", 2, ["high"], {"high": 1}, True])
def test_a_reject_label_that_is_no_label_is_refused(value: object, tmp_path: Path) -> None:
    folder = edit_config(tiny.tiny_whisper(tmp_path / "tiny"), reject_label=value)
    for use in (describe, loaded):
        with pytest.raises(CheckpointError) as caught:
            use(str(folder))
        assert str(caught.value) == (
            f'The checkpoint "{short(str(folder))}" has a damaged config.json: reject_label should '
            f"be one of its labels, but is {value!r}. Correct or remove it, or choose "
            "another checkpoint."
        )


@pytest.mark.parametrize("make", [tiny.tiny_whisper, tiny.tiny_wav2vec2])
def test_a_new_head_has_the_reject_label_asked_for_never_the_bases(make, tmp_path: Path) -> None:
    folder = edit_config(make(tmp_path / "tiny"), reject_label="high")
    for asked, found in (("", None), ("high", "high"), ("b", "b")):
        labels = ("a", "b", "high")
        model, _ = load_base(str(folder), labels, 1, reject_label=asked)
        assert reject_label(model) == found
        model.save_pretrained(tmp_path / f"saved-{asked}")
        saved = json.loads((tmp_path / f"saved-{asked}" / "config.json").read_text())
        assert saved.get("reject_label") == found
