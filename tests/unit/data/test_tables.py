"""Tables of recordings: metadata beside the audio, and manifests, read as they were meant."""

import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest

from intent.data import tables
from intent.data.dataset import clip_at, label_names, load_data, readable_clips, summary
from intent.data.schema import NO_COLUMNS, Columns
from intent.errors import DataError
from tests.tiny import tone, tone_folder, wav_bytes


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def clips(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(wav_bytes(tone("low")))
    return folder


def labels_by_clip(data: Path, columns: Columns = NO_COLUMNS) -> dict[str, dict[str, str]]:
    """The label of each clip, by part."""
    found = load_data(str(data), columns=columns)
    names = label_names(found)
    return {
        part: {row["name"]: names[row["label"]] for row in rows.remove_columns("audio")}
        for part, rows in found.items()
    }


def refusal(data: Path, columns: Columns = NO_COLUMNS) -> str:
    with pytest.raises(DataError) as refused:
        load_data(str(data), columns=columns)
    return str(refused.value)


def lines(*rows: object) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


# Metadata in the layout of audiofolder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "metadata.csv",
            "file_name,label,transcription\na.wav,pay,Pay a bill\nb.wav,see,Show it\n",
        ),
        (
            "metadata.jsonl",
            lines(
                {"file_name": "a.wav", "label": "pay", "transcription": "Pay a bill"},
                {"label": "see", "transcription": "Show it", "file_name": "b.wav"},
            ),
        ),
    ],
)
def test_metadata_in_the_root_gives_labels_and_transcripts(
    tmp_path: Path, name: str, content: str
) -> None:
    clips(tmp_path / "data", "a.wav", "b.wav")
    (tmp_path / "data" / name).write_text(content)
    data = load_data(str(tmp_path / "data"))["all"]
    assert label_names(data) == ("pay", "see")
    assert list(data["transcription"]) == ["Pay a bill", "Show it"]
    assert clip_at(data, 1).seconds == 1.0
    assert data[0]["audio"]["path"] == str(tmp_path / "data" / "a.wav")


@pytest.mark.parametrize("wrapper", ["", "set"])
def test_metadata_of_each_part_is_no_label_folder(tmp_path: Path, wrapper: str) -> None:
    folder = tmp_path / "data" / wrapper
    for part in ("train", "Val", "test"):
        clips(folder / part, "a.wav", "b.wav")
        (folder / part / "metadata.csv").write_text("file_name,intent\na.wav,pay\nb.wav,see\n")
    start = f"{wrapper}/".lstrip("/")
    assert labels_by_clip(tmp_path / "data") == {
        part: {f"{start}{part}/a.wav": "pay", f"{start}{part}/b.wav": "see"}
        for part in ("train", "test")
    }


def test_metadata_in_the_root_follows_the_folders_of_its_files(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data", "train/a.wav", "train/b.wav", "dev/a.wav")
    (folder / "metadata.csv").write_text(
        "file_name,label\ntrain/a.wav,pay\ntrain/b.wav,see\ndev/a.wav,see\n"
    )
    assert labels_by_clip(folder) == {
        "train": {"train/a.wav": "pay", "train/b.wav": "see"},
        "test": {"dev/a.wav": "see"},
    }


def test_files_beside_a_test_folder_are_trained_on(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data", "a.wav", "b.wav", "test/a.wav")
    (folder / "metadata.csv").write_text("file_name,label\na.wav,x\nb.wav,y\ntest/a.wav,x\n")
    found = labels_by_clip(folder)
    assert {part: list(rows) for part, rows in found.items()} == {
        "train": ["a.wav", "b.wav"],
        "test": ["test/a.wav"],
    }


def test_labels_of_metadata_go_before_those_of_folders(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data", "anna/1.wav", "ben/1.wav")
    (folder / "metadata.csv").write_text("file_name,label\nanna/1.wav,pay\nben/1.wav,see\n")
    assert labels_by_clip(folder) == {"all": {"anna/1.wav": "pay", "ben/1.wav": "see"}}


def test_metadata_without_labels_leaves_them_to_the_folders_and_says_so(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    (folder / "metadata.csv").write_text("file_name,speaker\nlow/low-00.wav,anna\n")
    notes: dict[str, str] = {}
    data = load_data(str(folder), on_skip=notes.__setitem__)
    assert label_names(data) == ("high", "low")
    assert notes == {
        "metadata.csv": "It has no recording and label columns with the usual names, so the labels "
        "are taken from the folder names."
    }


def test_metadata_without_labels_and_no_label_folders_are_refused(tmp_path: Path) -> None:
    for part in ("train", "test"):
        clips(tmp_path / "data" / part, "a.wav", "b.wav")
        (tmp_path / "data" / part / "metadata.csv").write_text("file_name,why\na.wav,x\nb.wav,y\n")
    assert refusal(tmp_path / "data") == (
        'The table "test/metadata.csv" should have a column of the labels, named one of '
        "intent_class, label, labels, intent, intent_name, category, class, class_name, command, but "
        "has file_name, why: name it with --label-column, or rename it."
    )
    named = labels_by_clip(tmp_path / "data", Columns(label="why"))
    assert {part: list(rows.values()) for part, rows in named.items()} == {
        "train": ["x", "y"],
        "test": ["x", "y"],
    }


def test_a_table_without_labels_beside_one_with_them_is_read_as_having_empty_ones(
    tmp_path: Path,
) -> None:
    folder = clips(tmp_path / "data", "train/a.wav", "train/b.wav", "dev/a.wav", "test/a.wav")
    (folder / "train" / "metadata.csv").write_text("file_name,label\na.wav,x\nb.wav,y\n")
    (folder / "dev" / "metadata.csv").write_text("file_name\na.wav\n")
    (folder / "test" / "metadata.csv").write_text("file_name,label\na.wav,x\n")
    assert {part: len(names) for part, names in labels_by_clip(folder).items()} == {
        "train": 2,
        "test": 1,
    }


def test_what_metadata_does_not_name_is_counted_and_what_is_gone_is_named(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data", "a.wav", "b.wav", "more/c.wav")
    (folder / "metadata.csv").write_text("file_name,label\na.wav,x\nb.wav,y\ngone.wav,y\n")
    skipped: list[tuple[str, str]] = []
    data = load_data(str(folder), on_skip=lambda *skip: skipped.append(skip))["all"]
    assert skipped == [("metadata.csv", "No row refers to 1 audio file of the folder.")]
    skipped.clear()
    assert len(list(readable_clips(data, lambda *skip: skipped.append(skip)))) == 2
    assert [name for name, _ in skipped] == ["gone.wav"]


def test_metadata_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data", "a.wav", "b.wav")
    clips(tmp_path, "secret.wav")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    rows = ["a.wav,x", "b.wav,y", "../secret.wav,x", f"{tmp_path}/secret.wav,x", "link.wav,y"]
    (folder / "metadata.csv").write_text("\n".join(["file_name,label", *rows]) + "\n")
    data = load_data(str(folder))["all"]
    skipped: list[str] = []
    read = readable_clips(data, lambda _, reason: skipped.append(reason))
    assert [index for index, _ in read] == [0, 1]
    assert all("is not in its data folder, and files elsewhere are not read" in x for x in skipped)


def test_metadata_that_is_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    (tmp_path / "own.csv").write_text("file_name,label\nlow/low-00.wav,x\nhigh/high-00.wav,y\n")
    (folder / "metadata.csv").symlink_to(tmp_path / "own.csv")
    assert label_names(load_data(str(folder))) == ("high", "low")


def test_two_tables_of_metadata_in_one_place_are_refused(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data", "a.wav")
    (folder / "metadata.csv").write_text("file_name,label\na.wav,x\n")
    (folder / "metadata.jsonl").write_text(lines({"file_name": "a.wav", "label": "y"}))
    assert refusal(folder) == (
        f'"{folder}" should have one metadata table in each folder, but has both metadata.csv '
        "and metadata.jsonl: remove one."
    )


# Manifests


def manifest(folder: Path, name: str, content: str) -> Path:
    clips(folder, "clips/a.wav", "clips/b.wav", "clips/c.wav", "clips/d.wav")
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("all.csv", "path,label\nclips/a.wav,x\nclips/b.wav,y\n"),
        ("all.CSV", "\ufeffLabel;Audio\nx;clips/a.wav\ny;clips/b.wav\n"),
        ("all.tsv", "filename\tcategory\nclips/a.wav\tx\nclips/b.wav\ty\n\n"),
        ("all.csv", 'file, intent , text\n"clips/a.wav", "x", "So, say it"\nclips/b.wav, y, No\n'),
        ("all.csv", "file_name,label,path\nclips/a.wav,x,/else/where\nclips/b.wav,y,/else/where\n"),
        ("all.csv", "path,label\nclips\\a.wav,x\n.\\clips\\b.wav,y\n"),
        (
            "nemo.json",
            lines(
                {"audio_filepath": "clips/a.wav", "duration": 1.0, "command": "x"},
                {"audio_filepath": "clips/b.wav", "duration": 1.0, "command": "y"},
            ),
        ),
        (
            "list.json",
            '[\n{"path": "clips/a.wav", "label": "x"}, {"path": "clips/b.wav", "label": "y"}\n]',
        ),
        (
            "rows.jsonl",
            lines(
                {"audio": {"path": "clips/a.wav", "bytes": None}, "label": "x"},
                {},
                {"audio": {"path": "clips/b.wav"}, "label": "y"},
            ).replace("{}\n", "\n"),
        ),
    ],
)
def test_a_manifest_is_read_by_the_usual_names_of_its_columns(
    tmp_path: Path, name: str, content: str
) -> None:
    path = manifest(tmp_path / "data", name, content)
    assert labels_by_clip(path) == {"all": {"clips/a.wav": "x", "clips/b.wav": "y"}}


def test_columns_may_be_named(tmp_path: Path) -> None:
    content = "path,label,sound,reason\n0,1,clips/a.wav,x\n0,2,clips/b.wav,y\n"
    path = manifest(tmp_path, "all.csv", content)
    found = labels_by_clip(path, Columns("sound", "reason"))
    assert found == {"all": {"clips/a.wav": "x", "clips/b.wav": "y"}}
    assert refusal(path, Columns("sound", "why")) == (
        'The table "all.csv" should have the column "why" that --label-column names, but has path, '
        "label, sound, reason: choose one of these."
    )


def test_a_column_of_parts_divides_the_rows(tmp_path: Path) -> None:
    rows = ["a,x,Train", "b,y,Train", "c,x,validation", "d,y,TEST"]
    content = "file,label,split\n" + "".join(f"clips/{row[0]}.wav{row[1:]}\n" for row in rows)
    found = labels_by_clip(manifest(tmp_path, "all.csv", content))
    assert {part: list(names) for part, names in found.items()} == {
        "train": ["clips/a.wav", "clips/b.wav"],
        "test": ["clips/d.wav"],
    }


def test_a_manifest_may_name_its_files_absolutely(tmp_path: Path) -> None:
    content = f"path,label\n{tmp_path}/clips/a.wav,x\n{tmp_path}/clips/b.wav,y\n"
    found = labels_by_clip(manifest(tmp_path, "all.csv", content))
    assert found == {"all": {"clips/a.wav": "x", "clips/b.wav": "y"}}


def test_a_manifest_of_files_elsewhere_is_refused_and_they_are_not_opened(tmp_path: Path) -> None:
    clips(tmp_path, "a.wav", "b.wav")
    path = manifest(tmp_path / "lists", "all.csv", "path,label\n../a.wav,x\n../b.wav,y\n")
    assert refusal(path) == (
        f'The table "all.csv" should name recordings in "{tmp_path / "lists"}", but none of its 2 is '
        'there (first: "../a.wav"): move the table to the folder that its paths are relative to.'
    )
    (tmp_path / "lists" / "out").symlink_to(tmp_path)
    path.write_text("path,label\nout/a.wav,x\nout/b.wav,y\n")
    assert "none of its 2 is there" in refusal(path)
    assert "is a link to a file outside of the folder" in refusal(path)


def test_a_manifest_does_not_list_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest(tmp_path, "all.csv", "path,label\nclips/a.wav,x\nclips/b.wav,y\n")
    monkeypatch.setattr("intent.data.files.MAX_FILES", 1)  # as beside a large home folder
    assert summary(load_data(str(path))).clips == 2


# What is wrong with a table


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "all.csv",
            b"path,text,label\na.wav,Hello, you,x\n",
            "3 values in every row, as many as columns, but has 4 in row 1: put values that "
            "contain the delimiter in quotes.",
        ),
        ("all.csv", b"path,label\na.wav\n", "2 values in every row"),
        ("all.csv", b'path,label\n"a.wav,x\nb.wav,y\n', "valid CSV, but has "),
        ("all.csv", b"path,label,label\na.wav,x,y\n", "a different name for each column"),
        ("all.csv", b"path,Label,label\na.wav,x,y\n", 'one column "label", but has 2'),
        ("all.csv", b"path,label\n", "a row of column names and at least one more"),
        ("all.csv", b"", "a row of column names and at least one more"),
        ("all.csv", "path,label\na.wav,gr\xfcn\n".encode("latin-1"), "text in UTF-8"),
        ("all.csv", b"path,label\n,x\n", 'a recording in column "path" of every row, but has none'),
        ("all.csv", b"path,label\na.wav," + b"x" * 300 + b"\n", "at most 256 characters"),
        ("all.csv", b"path,label\n" + b"x" * 1_000_002, "lines of at most 1,000,000 characters"),
        (
            "all.csv",
            b"id,label\n1,x\n",
            "a column of the recordings' paths, named one of file_name",
        ),
        (
            "all.jsonl",
            lines({"path": "a.wav", "label": ["x", "y"]}).encode(),
            "one string or number in every row of the columns that are read, but has a list in row "
            '1 of column "label": keep one value, or name another column.',
        ),
        (
            "all.jsonl",
            b'{"path": "a.wav"\n',
            "JSON object per line, but has invalid JSON in row 1: ",
        ),
        ("all.jsonl", b"[" * 100_000, "JSON object per line, but has invalid JSON in row 1: "),
        ("all.jsonl", b"3\n", "a JSON object in every row"),
        ("all.jsonl", b'{"path": "\\ud800.wav", "label": "x"}', "valid texts of at most"),
        ("all.json", b"[]", "one JSON object per line, but has none"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    clips(tmp_path, "a.wav", "b.wav")
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert message.startswith(f'The table "{name}" should have ')
    assert expected in message and message.endswith(".") and len(message) < 700


def test_rows_without_a_label_are_counted(tmp_path: Path) -> None:
    path = manifest(tmp_path, "all.csv", "path,label\nclips/a.wav,x\nclips/b.wav,\n")
    assert "should have a label for every recording, but 1 of 2 have none" in refusal(path)


def test_a_table_beyond_the_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest(tmp_path, "all.csv", "path,label\nclips/a.wav,x\nclips/b.wav,y\n")
    monkeypatch.setattr("intent.data.parquet_rows.MAX_ROWS", 1)
    assert "at most" in refusal(path) and "has 2" in refusal(path)
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 1 << 5)
    assert 'The table "all.csv" should have at most 0 MB, but has more' in refusal(path)


def test_other_files_are_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "all.xlsx").write_bytes(b"x")
    assert refusal(tmp_path / "all.xlsx") == (
        f'A folder was expected at "{tmp_path / "all.xlsx"}", but there is a file: check the path.'
    )


# Columns of other sources


def test_columns_of_parquet_files_may_be_named(tmp_path: Path) -> None:
    sounds = [{"bytes": wav_bytes(tone("low")), "path": f"{x}.wav"} for x in "abcd"]
    table = pa.table(
        {"label": [1, 2, 3, 4], "audio": ["x"] * 4, "speech": sounds, "why": list("pqpq")}
    )
    pyarrow.parquet.write_table(table, tmp_path / "table.parquet")
    data = load_data(str(tmp_path), columns=Columns("speech", "why"))["all"]
    assert label_names(data) == ("p", "q")
    assert (list(data["label"]), clip_at(data, 2).seconds) == ([0, 1, 0, 1], 1.0)
    assert label_names(load_data(str(tmp_path))) == ("1", "2", "3", "4")  # another cached file
    assert 'the column "no" that --label-column names' in refusal(tmp_path, Columns(label="no"))


def test_columns_named_without_a_table_are_refused(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1)
    assert refusal(folder, Columns(label="intent")) == (
        f'"{folder}" should have a table with the column "intent", but has none: choose the table '
        "itself, or leave out the column names."
    )
    assert 'the data set is "sample"' in refusal(Path("sample"), Columns(label="intent"))
