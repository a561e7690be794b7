"""Folders of audio are read as they were meant: parts are no labels, noise is no intent."""

import itertools
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest

from intent.data.dataset import label_names, load_data, split, summary
from intent.errors import DataError
from tests.tiny import LABELS, tone, tone_folder, wav_bytes

SORTED = tuple(sorted(LABELS))
WORDS = {
    "train": ("train", "Training", "TRAIN", "train_set", "train-data"),
    "validation": ("val", "Valid", "VALIDATION", "dev", "dev_set"),
    "test": ("test", "TESTING", "eval", "Evaluation", "test split"),
}


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def clip(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(tone("low")))


def clips(folder: Path, *names: str) -> Path:
    for name in names:
        clip(folder / name)
    return folder


def read(folder: Path) -> tuple[dict[str, int], tuple[str, ...], dict[str, str]]:
    """The number of clips of each part, the labels, and what was left out with the reasons."""
    notes: dict[str, str] = {}
    data = load_data(str(folder), on_skip=notes.__setitem__)
    return {part: len(rows) for part, rows in data.items()}, label_names(data), notes


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as refused:
        load_data(str(folder))
    return str(refused.value)


# Folders of parts


@pytest.mark.parametrize("wrapper", ["", "speech", "my data/v1"])
@pytest.mark.parametrize("names", zip(*WORDS.values(), strict=True))
def test_a_validation_split_beside_train_and_test_is_not_used(
    tmp_path: Path, names: tuple[str, str, str], wrapper: str
) -> None:
    for name, count in zip(names, (4, 3, 2), strict=True):
        tone_folder(tmp_path / "data" / wrapper / name, count)
    sizes, labels, notes = read(tmp_path / "data")
    assert sizes == {"train": 12, "test": 6}
    assert labels == SORTED
    assert notes == {
        names[1]: f'The split "{names[1]}" (9 recordings) is used neither for training nor '
        "for testing."
    }


@pytest.mark.parametrize(
    ("train", "validation"), itertools.product(WORDS["train"][:3], WORDS["validation"])
)
def test_train_and_validation_alone_are_trained_and_tested_on(
    tmp_path: Path, train: str, validation: str
) -> None:
    tone_folder(tmp_path / "data" / train, 3)
    tone_folder(tmp_path / "data" / validation, 1)
    data = split(load_data(str(tmp_path / "data")), seed=0)
    assert {name.split("/")[0] for name in data["train"]["name"]} == {train}
    assert {name.split("/")[0] for name in data["test"]["name"]} == {validation}
    assert label_names(data) == SORTED


def test_eval_beside_test_is_a_validation_part(tmp_path: Path) -> None:
    for name, count in (("train", 3), ("eval", 2), ("test", 1)):
        tone_folder(tmp_path / "data" / name, count)
    sizes, _, notes = read(tmp_path / "data")
    assert sizes == {"train": 9, "test": 3}
    assert list(notes) == ["eval"]


def test_one_part_alone_is_split_as_any_data_set(tmp_path: Path) -> None:
    tone_folder(tmp_path / "data" / "train", 3)
    assert read(tmp_path / "data") == ({"all": 9}, SORTED, {})


def test_labels_may_lie_in_a_folder_of_their_own_within_each_part(tmp_path: Path) -> None:
    tone_folder(tmp_path / "data" / "train" / "audio", 3)
    tone_folder(tmp_path / "data" / "test" / "audio", 1)
    assert read(tmp_path / "data") == ({"train": 9, "test": 3}, SORTED, {})


def test_parts_within_each_label_are_parts(tmp_path: Path) -> None:
    for label in ("low", "high"):
        clips(tmp_path / "data" / label, "train/a.wav", "train/b.wav", "test/c.wav")
    assert read(tmp_path / "data") == ({"train": 4, "test": 2}, ("high", "low"), {})


def test_a_split_without_labels_is_not_used_and_reported(tmp_path: Path) -> None:
    tone_folder(tmp_path / "data" / "train", 3)
    clips(tmp_path / "data" / "test", "a.wav", "b.wav")
    sizes, labels, notes = read(tmp_path / "data")
    assert (sizes, labels) == ({"all": 9}, SORTED)
    assert notes == {
        "test": "Recordings should be in a folder named after their label, but these are in the "
        'folder "test": 2 files are not used.'
    }


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "dev", "eval")])
def test_labels_that_are_all_names_of_parts_are_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    clips(tmp_path / "data", *(f"{name}/{number}.wav" for name in names for number in range(3)))
    assert refusal(tmp_path / "data") == (
        f'The data set in "{tmp_path / "data"}" should have intents as labels, but its labels are '
        f"names of splits ({', '.join(sorted(names))}): create a folder per intent in each of these "
        "folders, or rename the labels."
    )


def test_labels_of_a_parquet_file_that_are_names_of_parts_are_refused(tmp_path: Path) -> None:
    table = pa.table({"audio": [b"x"] * 4, "label": ["train", "test", "train", "val"]})
    pyarrow.parquet.write_table(table, tmp_path / "table.parquet")
    assert "names of splits (test, train, val)" in refusal(tmp_path)


def test_parts_beside_other_folders_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("train", "test", "extra"):
        tone_folder(tmp_path / "data" / name, 2)
    assert refusal(tmp_path / "data") == (
        f'"{tmp_path / "data"}" should have either split folders or label folders, but has both: '
        "test, train with label folders inside, and next to them extra. Move the latter elsewhere, "
        "or into the split folders."
    )


def test_a_label_may_have_the_name_of_a_part_beside_others(tmp_path: Path) -> None:
    clips(tmp_path / "data", *(f"{name}/{n}.wav" for name in ("test", "stop", "go") for n in "ab"))
    assert read(tmp_path / "data") == ({"all": 6}, ("go", "stop", "test"), {})
    clips(tmp_path / "tests", *(f"{x}/a.wav" for x in ("test drive", "train ticket", "dev kit")))
    assert read(tmp_path / "tests")[1] == ("dev kit", "test drive", "train ticket")


def test_a_folder_around_all_labels_does_not_matter(tmp_path: Path) -> None:
    tone_folder(tmp_path / "data" / "recordings" / "2024", 2)
    assert read(tmp_path / "data") == ({"all": 6}, SORTED, {})
    clip(tmp_path / "data" / "recordings" / "2024" / "stray.wav")
    sizes, labels, notes = read(tmp_path / "data")
    assert (sizes, labels) == ({"all": 6}, SORTED)
    assert list(notes.values()) == [
        "Recordings should be in a folder named after their label, but these are in the folder "
        '"recordings/2024": 1 file is not used.'
    ]


# Parts of other sources


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (("Train", "dev", "Testing"), {"train": 4, "test": 4}),
        (("training", "valid"), {"train": 4, "test": 4}),
        (("train", "eval", "test"), {"train": 4, "test": 4}),
        (("train", "other"), {"all": 8}),
    ],
)
def test_shards_of_parquet_files_may_have_any_usual_names(
    tmp_path: Path, names: tuple[str, ...], sizes: dict[str, int]
) -> None:
    (tmp_path / "data" / "data").mkdir(parents=True)
    for number, name in enumerate(names):
        table = pa.table({"audio": [b"x"] * 4, "label": ["a", "b", "a", "b"]})
        path = tmp_path / "data" / "data" / f"{name}-00000-of-00001.parquet"
        pyarrow.parquet.write_table(table.append_column("name", [[f"{number}"] * 4]), path)
    assert read(tmp_path / "data")[0] == sizes


def test_a_label_of_an_unused_split_is_not_used(tmp_path: Path) -> None:
    tone_folder(tmp_path / "data" / "train", 2, ("low", "high"))
    tone_folder(tmp_path / "data" / "test", 2, ("low", "high"))
    tone_folder(tmp_path / "data" / "val", 2, LABELS)
    assert read(tmp_path / "data")[1] == ("high", "low")


# Speech Commands


def speech_commands(folder: Path) -> Path:
    for word in ("yes", "no"):
        clips(folder / word, *(f"{speaker}_nohash_0.wav" for speaker in "abcdef"))
    clips(folder, "_background_noise_/pink_noise.wav", "_background_noise_/running_tap.wav")
    (folder / "LICENSE").write_text("CC BY 4.0")
    (folder / "validation_list.txt").write_text("yes/a_nohash_0.wav\nno/a_nohash_0.wav\n")
    (folder / "testing_list.txt").write_text(
        "yes/b_nohash_0.wav\nno/b_nohash_0.wav\nno/c_nohash_0.wav\nno/gone_nohash_0.wav\n"
    )
    return folder


@pytest.mark.parametrize("inside", ["", "speech_commands_v0.02", "train/audio"])
def test_the_layout_of_speech_commands_is_supported(tmp_path: Path, inside: str) -> None:
    speech_commands(tmp_path / "data" / inside)
    notes: dict[str, str] = {}
    data = load_data(str(tmp_path / "data"), on_skip=notes.__setitem__)
    assert summary(data["train"]).clips_per_label == {"no": 3, "yes": 4}
    assert sorted("/".join(Path(name).parts[-2:]) for name in data["test"]["name"]) == [
        "no/b_nohash_0.wav",
        "no/c_nohash_0.wav",
        "yes/b_nohash_0.wav",
    ]
    noise = f"{inside}/_background_noise_".lstrip("/")
    assert notes == {
        noise: f'The folder "{noise}" contains noise, not an intent: 2 files are not used.',
        "validation": 'The split "validation" (2 recordings) is used neither for training nor '
        "for testing.",
    }


def test_a_list_next_to_the_folder_of_the_label_folders_is_used(tmp_path: Path) -> None:
    folder = speech_commands(tmp_path / "data" / "train" / "audio")
    for name in ("validation_list.txt", "testing_list.txt"):
        (folder / name).rename(folder.parent / name)
    clips(tmp_path / "data" / "test" / "audio", "clip_1.wav", "clip_2.wav")
    sizes, labels, notes = read(tmp_path / "data")
    assert (sizes, labels) == ({"train": 7, "test": 3}, ("no", "yes"))
    assert "test/audio" in notes


def test_a_validation_list_alone_is_tested_on(tmp_path: Path) -> None:
    folder = speech_commands(tmp_path / "data")
    (folder / "testing_list.txt").unlink()
    data = load_data(str(folder))
    assert sorted(data["test"]["name"]) == ["no/a_nohash_0.wav", "yes/a_nohash_0.wav"]
    assert len(data["train"]) == 10


def test_a_list_that_names_none_of_the_clips_is_refused(tmp_path: Path) -> None:
    folder = speech_commands(tmp_path / "data")
    (folder / "testing_list.txt").write_text("up/a_nohash_0.wav\n")
    assert refusal(folder) == (
        'The list "testing_list.txt" should name recordings such as "no/a_nohash_0.wav", but names '
        'none in this folder (first: "up/a_nohash_0.wav"): correct the list or remove it.'
    )


def test_a_list_that_leads_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    folder = speech_commands(tmp_path / "data")
    (tmp_path / "list.txt").write_text("yes/a_nohash_0.wav\n")
    for name in ("validation_list.txt", "testing_list.txt"):
        (folder / name).unlink()
        (folder / name).symlink_to(tmp_path / "list.txt")
    assert read(folder)[0] == {"all": 12}
