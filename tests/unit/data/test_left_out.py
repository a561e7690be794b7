"""What a data folder has besides its clips is left out, counted and named; no label vanishes."""

import os
import shutil
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest

from intent.cli import output as terminal
from intent.data.dataset import clip_at, label_names, load_data, readable_clips, split, summary
from intent.data.schema import Part, unite
from intent.errors import DataError
from intent.evaluation.evaluate import evaluate_checkpoint
from intent.ui.finetune.data_view import _unreadable_html
from intent.ui.shared.recordings import measure, open_data
from tests.hostile.folders import write_parquet
from tests.tiny import tiny_whisper, tone, tone_folder, wav_bytes
from tests.unit.audio.test_suffixes import recording
from tests.unit.data.test_files import refusal, skips, told


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def counts(folder: Path) -> dict[str, int]:
    return summary(load_data(str(folder))).clips_per_label


def files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


# One folder per label


@pytest.mark.parametrize(
    "suffix", [".caf", ".amr", ".3gp", ".mp4", ".mov", ".mkv", ".aiff", ".wma"]
)
def test_a_label_recorded_in_any_format_is_kept(tmp_path: Path, suffix: str) -> None:
    folder = tone_folder(tmp_path / "data", 2, ("low", "high"))
    (folder / "balance").mkdir()
    for number, name in enumerate((suffix, suffix.upper())):
        (folder / "balance" / f"{number}{name}").write_bytes(recording(suffix))
    data = load_data(str(folder), on_skip=pytest.fail)["all"]
    assert label_names(data) == ("balance", "high", "low")
    assert skips(data) == []
    assert counts(folder) == {"balance": 2, "high": 2, "low": 2}


def test_files_of_a_label_that_are_no_recordings_are_counted_and_named(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    files(folder, *(f"balance/{number}.xyz" for number in range(6)), "low/more.zip", "low/raw")
    names, left_out = told(folder)
    assert names == ["high/high-00.wav", "low/low-00.wav"]
    assert left_out == {
        "balance/0.xyz …": '6 files of label "balance" were not used, because .xyz is not an audio '
        "suffix: 0.xyz, 1.xyz, 2.xyz and 3 more.",
        "low/more.zip": '1 file of label "low" was not used, because .zip is not an audio suffix: '
        "more.zip.",
        "low/raw": '1 file of label "low" was not used, because it has no suffix: raw.',
    }


def test_a_label_whose_files_are_all_links_out_is_named_with_each_of_them(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    outside = tone_folder(tmp_path / "outside", 2, ("middle",))
    (folder / "balance").mkdir()
    for file in (outside / "middle").iterdir():
        (folder / "balance" / file.name).symlink_to(file)
    names, left_out = told(folder)
    assert names == ["high/high-00.wav", "low/low-00.wav"]
    assert left_out["balance"] == (
        'The label "balance" was not used, because its folder has no readable recording.'
    )
    assert len([name for name in left_out if name.startswith("balance/middle-0")]) == 2


def test_links_to_files_of_the_folder_count_in_any_format(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    (folder / ".store").mkdir()
    (folder / ".store" / "0123abcd").write_bytes(recording(".caf"))
    (folder / "balance").mkdir()
    (folder / "balance" / "a.CAF").symlink_to("../.store/0123abcd")
    data = load_data(str(folder), on_skip=pytest.fail)["all"]
    assert counts(folder) == {"balance": 1, "high": 1, "low": 1}
    assert skips(data) == []


def test_an_empty_folder_of_a_label_is_named(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    (folder / "balance" / "below").mkdir(parents=True)
    assert told(folder)[1] == {
        "balance": 'The label "balance" was not used, because its folder has no readable recording.'
    }


def test_transcripts_and_files_outside_label_folders_are_not_reported(
    tmp_path: Path,
) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    files(folder, "low/low-00.txt", "low/low-00.json", "README.md", "LICENSE", "notes.txt")
    assert told(folder) == (["high/high-00.wav", "low/low-00.wav"], {})


def test_nested_folders_of_a_label_count_for_it(tmp_path: Path) -> None:
    for name in ("low/anna/monday/1.wav", "low/ben/1.wav", "low/2.wav", "high/anna/1.wav"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav_bytes(tone("low")))
    files(tmp_path / "data", "low/ben/odd.xyz")
    assert counts(tmp_path / "data") == {"high": 1, "low": 3}
    assert list(told(tmp_path / "data")[1].values()) == [
        '1 file of label "low" was not used, because .xyz is not an audio suffix: odd.xyz.'
    ]


def test_labels_within_train_and_test_are_named_too(tmp_path: Path) -> None:
    for part in ("train", "test"):
        tone_folder(tmp_path / "data" / part, 2, ("low", "high"))
    files(tmp_path / "data", "train/balance/1.xyz", "test/low/1.xyz", "train/notes.txt")
    assert list(told(tmp_path / "data")[1].values()) == [
        '1 file of label "low" was not used, because .xyz is not an audio suffix: 1.xyz.',
        '1 file of label "balance" was not used, because .xyz is not an audio suffix: 1.xyz.',
    ]


# Files of systems and programs


def test_files_of_operating_systems_and_programs_change_nothing(tmp_path: Path) -> None:
    for part in ("train", "test"):
        tone_folder(tmp_path / "data" / part, 2, ("low", "high"))
    stray = ("__MACOSX/train/low/._low-00.wav", "__MACOSX/odd.wav", ".DS_Store", "train/.DS_Store")
    files(tmp_path / "data", *stray, "script.py", "train/low/Thumbs.db", "test/high/desktop.ini")
    names, left_out = told(tmp_path / "data")
    assert (len(names), left_out) == (8, {})
    assert set(load_data(str(tmp_path / "data"))) == {"train", "test"}


def test_a_table_without_recordings_beside_label_folders_is_named(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 2, ("low", "high"))
    table = pa.table({"label": ["low", "high"], "count": [2, 2]})
    pyarrow.parquet.write_table(table, folder / "stats.parquet")
    names, left_out = told(folder)
    assert len(names) == 4
    assert left_out == {
        "stats.parquet": 'The Parquet file "stats.parquet" was not used: it has no recordings.'
    }


def test_a_table_without_recordings_beside_those_with_some_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data")
    table = pa.table({"mean": [1.0]})
    pyarrow.parquet.write_table(table, tmp_path / "data" / "stats.parquet")
    files(tmp_path / "data", "script.py", ".DS_Store", "__MACOSX/._data.parquet")
    assert told(tmp_path / "data") == (
        ["0.wav", "1.wav"],
        {"stats.parquet": 'The Parquet file "stats.parquet" was not used: it has no recordings.'},
    )


@pytest.mark.parametrize("column", ["speech", "audio"])
def test_a_table_with_another_name_for_its_recordings_is_still_refused(
    tmp_path: Path, column: str
) -> None:
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data")
    sounds = [{"bytes": wav_bytes(tone("low")), "path": "a.wav"}]
    table = pa.table({column: sounds, "label" if column == "speech" else "what": ["a"]})
    pyarrow.parquet.write_table(table, tmp_path / "data" / "test.parquet")
    assert "should have a" in refusal(tmp_path / "data")


def test_a_folder_of_tables_without_recordings_is_refused_by_its_columns(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = pa.table({"mean": [1.0]})
    pyarrow.parquet.write_table(table, tmp_path / "data" / "stats.parquet")
    assert "should have a label column" in refusal(tmp_path / "data")


def test_recordings_beside_parquet_files_that_no_row_names_are_counted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data")  # its rows are called 0.wav and 1.wav
    files(tmp_path / "data", "0.wav", *(f"balance/{number}.m4a" for number in range(5)))
    assert list(told(tmp_path / "data")[1].values()) == [
        "5 files were not used, because the data is in the Parquet files next to them, and no row "
        "refers to "
        "them: 0.m4a, 1.m4a, 2.m4a and 2 more."
    ]


# Rows of Parquet files


def test_rows_without_sound_are_left_out_by_name_and_the_others_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    sound = {"bytes": wav_bytes(tone("low")), "path": "good.wav"}
    empty = {"bytes": None, "path": None}
    write_parquet(tmp_path / "data", audio=[sound, None, empty, sound], label=["a", "b", "a", "b"])
    data = load_data(str(tmp_path / "data"))["all"]
    assert [name for name, _ in skips(data)] == ["train clip 2", "train clip 3"]
    assert [index for index, _ in readable_clips(data, lambda *skip: None)] == [0, 3]


def test_a_row_that_is_null_as_a_whole_has_no_sound() -> None:
    data = datasets.Dataset.from_dict(
        {"audio": [None], "name": ["a"]},
        features=datasets.Features(
            audio={"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            name=datasets.Value("string"),
        ),
    )
    assert [name for name, _ in skips(data)] == ["a"]


def test_names_of_files_in_rows_that_are_no_text_are_shown_as_far_as_they_are(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    sound = wav_bytes(tone("low"))
    paths = pa.array([b"caf\xe9.wav", b"\xff/other.wav", b"good.wav"])
    paths = pa.Array.from_buffers(pa.string(), 3, paths.buffers())
    stored = pa.array([sound, None, sound], pa.binary())
    column = pa.StructArray.from_arrays([stored, paths], ["bytes", "path"])
    write_parquet(tmp_path / "data", audio=column)
    data = load_data(str(tmp_path / "data"))["all"]
    assert list(data["name"]) == ["caf\ufffd.wav", "other.wav", "good.wav"]
    (left_out,) = skips(data)
    assert left_out[0] == "other.wav" and "is not in its data folder" in left_out[1]
    assert clip_at(data, 0).seconds == 1.0


def test_a_folder_with_an_undecodable_name_is_named(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    shutil.copytree(folder / "low", folder / os.fsdecode(b"caf\xe9"))
    names, left_out = told(folder)
    assert names == ["high/high-00.wav", "low/low-00.wav"]
    assert left_out == {
        "caf\\udce9": '"caf\\udce9" has a name that is not UTF-8. Only files inside the data folder '
        "are read."
    }


# Labels


@pytest.mark.parametrize("column", ["label", "labels", "intent_class"])
@pytest.mark.parametrize("kind", [list, dict])
def test_a_label_column_of_lists_is_refused_in_a_sentence(
    tmp_path: Path, column: str, kind: type
) -> None:
    (tmp_path / "data").mkdir()
    values = [["a", "b"], ["b"]] if kind is list else [{"x": "a"}, {"x": "b"}]
    write_parquet(tmp_path / "data", **{column: values})
    if column == "labels":  # the column "label" comes first
        table = pyarrow.parquet.read_table(tmp_path / "data" / "data.parquet").drop(["label"])
        pyarrow.parquet.write_table(table, tmp_path / "data" / "data.parquet")
    message = refusal(tmp_path / "data")
    assert message.startswith(
        f'The data set in "{tmp_path / "data"}" should have one label per recording in its column '
        f'"{column}", but has {"list" if kind is list else "struct"}<'
    )
    assert message.endswith(": keep one label per recording, as a string or a number.")


def test_a_label_column_of_lists_is_refused_from_any_source() -> None:
    sounds = [{"bytes": b"x", "path": None}] * 2
    rows = datasets.Dataset.from_dict({"audio": sounds, "label": [["a", "b"], ["b"]]})
    with pytest.raises(
        DataError, match='^X should have one label per recording in its column "label"'
    ):
        unite([Part(rows, "train")], "X")


def parts(folder: Path, train: list, test: list, names: list[str] | None = None) -> Path:
    """Write train.parquet and test.parquet with these labels."""
    features = {"label": {"_type": "ClassLabel", "names": names}} if names else None
    folder.mkdir()
    for part, labels in (("test", test), ("train", train)):
        write_parquet(folder, features, label=labels).rename(folder / f"{part}.parquet")
    return folder


@pytest.mark.parametrize(
    ("train", "test", "names"),
    [
        ([0, 1] * 5, [-1] * 4, ["a", "b"]),
        ([0, 1] * 5, [-1] * 4, None),
        (["a", "b"] * 5, [None] * 4, None),
        ([0.0, 1.0] * 5, [float("nan")] * 4, None),
    ],
    ids=["class -1", "number -1", "null", "NaN"],
)
def test_a_test_part_with_hidden_labels_is_not_used_and_one_is_split_off(
    tmp_path: Path, train: list, test: list, names: list[str] | None
) -> None:
    if test == [None] * 4:
        test = pa.array(test, pa.string())
    folder = parts(tmp_path / "data", train, test, names)
    left_out: dict[str, str] = {}
    data = load_data(str(folder), on_skip=left_out.__setitem__)
    assert left_out == {
        "test split": "The test split was not used, because the labels of its 4 recordings are "
        "hidden."
    }
    assert {name: len(part) for name, part in data.items()} == {"all": 10}
    assert len(label_names(data)) == 2
    assert {name: len(part) for name, part in split(data, 0).items()} == {"train": 8, "test": 2}


def test_some_missing_labels_are_still_refused(tmp_path: Path) -> None:
    folder = parts(tmp_path / "data", [0, 1] * 5, [0, -1, 1, -1], ["a", "b"])
    assert "but 2 of 4 have none" in refusal(folder)
    hidden = parts(tmp_path / "hidden", [-1] * 5, [-1] * 4, ["a", "b"])
    assert "but 5 of 5 have none" in refusal(hidden) or "but 4 of 4 have none" in refusal(hidden)


# Page, command line and run


def test_the_page_shows_what_was_left_out(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    files(folder, *(f"balance/{number}.xyz" for number in range(6)))
    (folder / "low" / "empty.wav").touch()
    _, unreadable = measure(open_data(str(folder), ("en-US",)))
    shown = _unreadable_html(unreadable)
    assert "<summary>2 notes on what is left out</summary>" in shown
    assert "6 files of label &quot;balance&quot; were not used, because .xyz is not" in shown
    assert "<b>low/empty.wav</b>" in shown


def test_an_evaluation_says_what_was_left_out(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 2, ("low", "high"))
    files(folder, *(f"balance/{number}.xyz" for number in range(6)))
    (folder / "low" / "empty.wav").touch()
    checkpoint = tiny_whisper(tmp_path / "checkpoint")
    evaluation = evaluate_checkpoint(str(checkpoint), str(folder), part="all")
    sentence = (
        '6 files of label "balance" were not used, because .xyz is not an audio suffix: '
        "0.xyz, 1.xyz, 2.xyz and 3 more."
    )
    assert evaluation.not_used == (sentence,)
    assert evaluation.to_dict()["not_used"] == (sentence,)
    lines = terminal.evaluation_text(evaluation).splitlines()
    assert sentence in lines
    assert "Left out, unreadable: 1 recording (low/empty.wav)" in lines
    assert "The data set has no recordings of these labels: middle" in lines
