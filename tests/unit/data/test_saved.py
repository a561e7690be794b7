"""Folders that `save_to_disk` wrote are read as data alone, within bounds."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.ipc
import pytest
from datasets import Audio, ClassLabel, Dataset, DatasetDict, Features, Value

from intent.data import arrow
from intent.data.dataset import clip_at, label_names, load_data, readable_clips
from intent.data.schema import Columns
from intent.errors import DataError
from tests.tiny import tone, wav_bytes
from tests.unit.data.test_files import refusal, watched

SOUND = {"bytes": Value("binary"), "path": Value("string")}
NAMES = ["see", "pay"]  # not sorted: a saved data set keeps the order of its classes


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def rows(count: int, column: str = "label") -> Dataset:
    columns = {
        "audio": [
            {"bytes": wav_bytes(tone("low", seed)), "path": f"{seed}.wav"} for seed in range(count)
        ],
        column: [NAMES[seed % 2] for seed in range(count)],
        "transcription": [f"number {seed}" for seed in range(count)],
    }
    kinds = Features(
        {"audio": SOUND, column: ClassLabel(names=NAMES), "transcription": Value("string")}
    )
    return Dataset.from_dict(columns, features=kinds).cast_column("audio", Audio(decode=False))


def saved(data: Dataset | DatasetDict, folder: Path, **options: int) -> Path:
    data.save_to_disk(folder, **options)
    return folder


@pytest.mark.parametrize("shards", [1, 3])
def test_a_saved_data_set_is_read(tmp_path: Path, shards: int) -> None:
    folder = saved(rows(6), tmp_path / "data", num_shards=shards)
    data = load_data(str(folder))["all"]
    assert label_names(data) == ("see", "pay")
    assert list(data["label"]) == [0, 1] * 3
    assert list(data["transcription"]) == [f"number {seed}" for seed in range(6)]
    assert list(data["name"]) == [f"{seed}.wav" for seed in range(6)]
    assert clip_at(data, 5).seconds == 1.0


def test_the_parts_of_a_saved_data_set_are_kept(tmp_path: Path) -> None:
    parts = DatasetDict({"Training": rows(6), "dev": rows(4), "test": rows(2)})
    notes: dict[str, str] = {}
    data = load_data(str(saved(parts, tmp_path / "data")), on_skip=notes.__setitem__)
    assert {part: len(found) for part, found in data.items()} == {"train": 6, "test": 2}
    assert list(notes) == ["dev"]


def test_selected_and_renamed_rows_are_read_as_saved(tmp_path: Path) -> None:
    folder = saved(rows(6, "why").select([5, 0, 3]), tmp_path / "data")
    data = load_data(str(folder), columns=Columns(label="why"))["all"]
    assert list(data["name"]) == ["5.wav", "0.wav", "3.wav"]
    assert [label_names(data)[label] for label in data["label"]] == ["pay", "see", "pay"]


def test_reading_opens_only_files_of_the_folder(tmp_path: Path) -> None:
    folder = saved(DatasetDict({"train": rows(4), "test": rows(2)}), tmp_path / "data")
    (folder / "dataset.py").write_text("raise SystemExit('run')\n")
    (folder / "train" / "train.py").write_text("raise SystemExit('run')\n")
    read, message, opened, asked, skipped = watched(folder)
    assert (read, message, asked, skipped) == (6, "", [], [])
    assert not {"dataset.py", "train.py"} & set(opened)


def test_a_row_that_names_a_file_elsewhere_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(wav_bytes(tone("low")))
    table = rows(2).to_dict()
    table["audio"] = [{"bytes": None, "path": str(tmp_path / "secret.wav")}] * 2
    write_stream(stream_folder(tmp_path / "data"), pa.table(table))
    data = load_data(str(tmp_path / "data"))["all"]
    skipped: list[str] = []
    assert list(readable_clips(data, lambda _, reason: skipped.append(reason))) == []
    assert all("is not in its data folder" in reason for reason in skipped)


# Damaged and hostile files


def stream_folder(folder: Path) -> Path:
    """A folder as `save_to_disk` makes it, but for its one Arrow file; returns the path of that."""
    folder.mkdir()
    state = {"_data_files": [{"filename": "data.arrow"}], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder / "data.arrow"


def write_stream(path: Path, table: pa.Table, **options: object) -> None:
    with pyarrow.ipc.new_stream(
        path, table.schema, options=pyarrow.ipc.IpcWriteOptions(**options)
    ) as sink:
        sink.write_table(table)


def table_of(**changes: object) -> pa.Table:
    return pa.table({"audio": [b"x"] * 4, "label": ["a", "b"] * 2, **changes})


REPEATED = pa.array(["a", "b"] * 2).dictionary_encode()
VIEWS = pa.array(["a", "b"] * 2).cast(pa.string_view())


@pytest.mark.parametrize(
    ("table", "options", "found"),
    [
        (table_of(), {"compression": "zstd"}, "compressed rows"),
        (table_of(), {"compression": "lz4"}, "compressed rows"),
        (table_of(label=REPEATED), {}, "repeated values"),
        (table_of(other=REPEATED), {}, "repeated values"),
        (table_of(label=VIEWS), {}, "string_view in a column"),
    ],
)
def test_rows_that_may_repeat_without_limit_are_refused(
    tmp_path: Path, table: pa.Table, options: dict[str, object], found: str
) -> None:
    write_stream(stream_folder(tmp_path / "data"), table, **options)
    assert refusal(tmp_path / "data") == (
        'The Arrow file "data.arrow" should be a stream of rows as `save_to_disk` writes it, but has '
        f"{found}: save it again with `datasets`, or as Parquet."
    )


def wrong_offsets(content: bytes) -> bytes:
    """Make the offsets of the labels lead gigabytes out of the file."""
    good = struct.pack("<5i", 0, 1, 2, 3, 4)
    assert content.count(good) >= 1
    return content.replace(good, struct.pack("<5i", 0, 1, 2, 3, 2_000_000_000))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "offsets that lead out of the file": wrong_offsets,
    "offsets that fall": lambda content: content.replace(
        struct.pack("<5i", 0, 1, 2, 3, 4), struct.pack("<5i", 0, 3, -5, 3, 4)
    ),
    "half of the file": lambda content: content[: len(content) // 2],
    "another format": lambda content: b"PAR1" + content,
    "nothing": lambda content: b"",
    "a large header": lambda content: content[:4] + b"\xff\xff\xff\x7f" + content[8:],
    "a header of zeros": lambda content: content[:8] + bytes(400) + content[408:],
    "a header of ones": lambda content: content[:8] + b"\xff" * 400 + content[408:],
    "a text that is not UTF-8": lambda content: content.replace(b"abab", b"a\xffab"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, damage: str) -> None:
    path = stream_folder(tmp_path / "data")
    write_stream(path, table_of())
    changed = DAMAGES[damage](path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    message = refusal(tmp_path / "data")
    assert message.endswith(".") and len(message) < 700


@pytest.mark.parametrize("position", range(0, 600, 5))
def test_any_changed_byte_is_read_or_refused(tmp_path: Path, position: int) -> None:
    path = stream_folder(tmp_path / "data")
    write_stream(path, table_of())
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 0xA5
    path.write_bytes(content)
    try:
        load_data(str(tmp_path / "data"))
    except DataError as error:
        assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"_data_files": [{"filename": "../data.arrow"}]}, "data files in this folder"),
        ({"_data_files": [{"filename": "/etc/passwd"}]}, "data files in this folder"),
        ({"_data_files": [{"filename": "gone.arrow"}]}, "data files in this folder"),
        ({"_data_files": [{"filename": 3}]}, "a list of data files"),
        ({"_data_files": "data.arrow"}, "a list of data files"),
        ({"_data_files": [{}] * 10_001}, "at most 10,000 files"),
        ({"_data_files": [], "_indices_data_files": [{}]}, "its rows in their order"),
        ([], "a JSON object"),
    ],
)
def test_a_saved_state_that_points_elsewhere_is_refused(
    tmp_path: Path, state: object, expected: str
) -> None:
    write_stream(stream_folder(tmp_path / "data"), table_of())
    write_stream(tmp_path / "data.arrow", table_of())
    (tmp_path / "data" / "state.json").write_text(json.dumps(state))
    assert f'"{tmp_path / "data"}" should have {expected}' in refusal(tmp_path / "data")


def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    path = stream_folder(tmp_path / "data")
    write_stream(tmp_path / "own.arrow", table_of())
    path.symlink_to(tmp_path / "own.arrow")
    assert "is a link to a file outside of the folder" in refusal(tmp_path / "data")


def test_rows_and_batches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stream(stream_folder(tmp_path / "data"), table_of())
    monkeypatch.setattr(arrow, "MAX_BODY_BYTES", 10)
    assert "a batch of " in refusal(tmp_path / "data")
    monkeypatch.setattr(arrow, "MAX_BATCHES", 0)
    monkeypatch.setattr(arrow, "MAX_BODY_BYTES", 1 << 20)
    assert "more than 0 batches" in refusal(tmp_path / "data")
    monkeypatch.setattr(arrow, "MAX_BATCHES", 10)
    monkeypatch.setattr("intent.data.parquet_rows.MAX_ROWS", 3)
    assert "recordings, but has 4" in refusal(tmp_path / "data")
