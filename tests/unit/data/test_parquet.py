"""Parquet is unpacked within bounds that hold whatever its footer says."""

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intent.data import local, parquet, parquet_rows, parquet_schema, schema
from intent.data.dataset import clip_at, load_data, readable_clips, summary
from intent.data.parquet_pages import Chunk, PageError, page_sizes
from tests.hostile.folders import write_parquet
from tests.repository import ROOT
from tests.tiny import tone, wav_bytes
from tests.unit.data.test_files import refusal, watched

UNPACKED = "it repeats long strings or recordings, so save it without them."
SOUND_TYPE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
# The refusal of a folder, and by how many MB the peak of memory rose meanwhile.
MEASURE = """
import resource, sys
import datasets, pyarrow.parquet, pyarrow.compute, pyarrow.ipc
from intent.data.dataset import load_data
from intent.errors import DataError
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
resting = peak()
try:
    load_data(sys.argv[1])
except DataError as error:
    print(error)
print(peak() - resting)
"""


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def measured(folder: Path) -> tuple[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    *message, megabytes = done.stdout.splitlines()
    return " ".join(message), float(megabytes)


def repeated(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [value])


def write(folder: Path, name: str, table: dict[str, Sequence], **options: object) -> Path:
    pyarrow.parquet.write_table(pa.table(table), folder / name, **options)
    return folder / name


def sounds(rows: int) -> list[dict]:
    return [{"bytes": wav_bytes(tone("low", row)), "path": f"{row}.wav"} for row in range(rows)]


# Bombs


def test_a_transcript_of_a_megabyte_repeated_by_reference_is_refused_in_little_memory(
    folder: Path,
) -> None:
    path = write_parquet(folder, transcription=repeated("x" * 1_000_000, 4000))
    assert path.stat().st_size < 100_000
    message, megabytes = measured(folder)
    assert message == (
        'The Parquet file "data.parquet" should have strings of at most 10,000 characters in its '
        'column "transcription", but that of row 1 has 1,000,000: shorten it.'
    )
    assert megabytes < 300


def test_a_usual_transcript_repeated_to_a_gigabyte_is_refused_in_little_memory(
    folder: Path,
) -> None:
    silent = pa.array([{"bytes": b"", "path": None}], SOUND_TYPE).take(pa.array([0] * 100_000))
    path = write_parquet(folder, audio=silent, transcription=repeated("x" * 9999, 100_000))
    assert path.stat().st_size < 100_000
    message, megabytes = measured(folder)
    assert message == (
        'The Parquet file "data.parquet" should decompress to at most 64 MB, but has more: '
        f"{UNPACKED}"
    )
    assert megabytes < 300


def test_zeros_that_pack_to_nothing_are_refused_before_they_are_unpacked(folder: Path) -> None:
    zeros = pa.array([bytes(1_000_000)]).take(pa.array([0] * 600))
    write_parquet(folder, audio=pa.StructArray.from_arrays([zeros], ["bytes"]))
    table = pyarrow.parquet.read_table(folder / "data.parquet")
    pyarrow.parquet.write_table(
        table, folder / "data.parquet", compression="zstd", use_dictionary=False
    )
    message, megabytes = measured(folder)
    assert UNPACKED in message
    assert megabytes < 100


def test_what_a_page_unpacks_to_is_known_from_its_header_whatever_the_footer_says(
    folder: Path,
) -> None:
    path = write(
        folder,
        "data.parquet",
        {"audio": ["x"] * 2, "label": ["a", "b" * 200_000]},
        compression="zstd",
        use_dictionary=False,
    )
    column = pyarrow.parquet.read_metadata(path).row_group(0).column(1)
    content = path.read_bytes()
    number, lie = varint(column.total_uncompressed_size), varint(100)
    footer = content.rindex(number)
    assert footer > column.data_page_offset + column.total_compressed_size
    lying = lie[:-1] + bytes([lie[-1] | 0x80]) + b"\x80" * (len(number) - len(lie) - 1) + b"\0"
    path.write_bytes(content[:footer] + lying + content[footer + len(number) :])
    column = pyarrow.parquet.read_metadata(path).row_group(0).column(1)
    assert column.total_uncompressed_size == 100
    with path.open("rb") as file:
        chunk = Chunk(column.data_page_offset, column.total_compressed_size, column.num_values)
        assert list(page_sizes(file, chunk)) == [2 * 4 + 1 + 200_000 + 6]


def varint(value: int) -> bytes:
    """A whole number as the compact protocol of Thrift writes it."""
    value *= 2  # zigzag
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=50)), min_size=1, max_size=200),
    st.sampled_from(["1.0", "2.0"]),
    st.booleans(),
    st.sampled_from(["none", "snappy", "zstd"]),
    st.integers(20, 2000),
)
def test_the_headers_of_all_pages_are_read_as_arrow_writes_them(
    values: list[str | None], version: str, has_dictionary: bool, compression: str, page: int
) -> None:
    stored = io.BytesIO()
    pyarrow.parquet.write_table(
        pa.table({"x": pa.array(values, pa.string())}),
        stored,
        data_page_version=version,
        use_dictionary=has_dictionary,
        compression=compression,
        data_page_size=page,
        write_batch_size=10,
    )
    column = pyarrow.parquet.ParquetFile(stored).metadata.row_group(0).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    sizes = list(page_sizes(stored, Chunk(start, column.total_compressed_size, len(values))))
    # what the footer counts beside the pages are their headers, of 10 to 200 bytes
    assert 10 * len(sizes) <= column.total_uncompressed_size - sum(sizes) <= 200 * len(sizes)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_page_headers_or_refused(content: bytes) -> None:
    try:
        sizes = list(page_sizes(io.BytesIO(content), Chunk(0, len(content), 10)))
    except PageError:
        return
    assert all(size >= 0 for size in sizes)


# Bounds, made small


@pytest.mark.parametrize(
    ("module", "bound", "value", "expected"),
    [
        (schema, "MAX_ROWS", 5, "should have at most 5 recordings, but has 6: remove some."),
        (
            schema,
            "MAX_LABELS",
            2,
            "should have at most 2 labels of at most 256 characters, but "
            "has 3 labels: check that its label column contains labels.",
        ),
        (
            parquet_rows,
            "MAX_LABEL_CHARACTERS",
            3,
            "should have strings of at most 3 characters in "
            'its column "label", but that of row 2 has 4: shorten it.',
        ),
        (
            parquet_rows,
            "MAX_TEXT_CHARACTERS",
            5,
            "should have strings of at most 5 characters in its "
            'column "path", but that of row 6 has 6: shorten it.',
        ),
        (
            parquet_rows,
            "MAX_SOUND_BYTES",
            16_043,
            "should have recordings of at most 0 MB, but that of row 1 has 0 MB: shorten it.",
        ),
        (parquet, "MAX_PAGE_BYTES", 1000, "could not be read (page 1 of "),
        (parquet, "MAX_TEXT_PAGE_BYTES", 10, " bytes): check that its Parquet files are complete"),
        (parquet, "MAX_PAGES", 3, "could not be read (page 4 of "),
        (
            parquet_schema,
            "MAX_COLUMNS",
            2,
            "should have at most 2 columns, but has 3: split it "
            "into several files, or save it again.",
        ),
        (
            parquet_schema,
            "MAX_ROW_GROUPS",
            2,
            "should have at most 2 row groups, but has 3: "
            "split it into several files, or save it again.",
        ),
        (parquet_schema, "MAX_FOOTER_BYTES", 100, "should have at most 100 bytes of footer, but "),
        (
            local,
            "MAX_PARQUET_FILES",
            0,
            "should have at most 0 Parquet files, but has 1: save it as fewer, larger files.",
        ),
    ],
    ids=lambda value: value if str(value).startswith("MAX") else "",
)
def test_each_bound_is_kept(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    bound: str,
    value: int,
    expected: str,
) -> None:
    stored = [*sounds(5), {"bytes": wav_bytes(tone("low")), "path": "66.wav"}]
    labels = ["a", "bbbb", "c"] * 2
    write(folder, "data.parquet", {"audio": stored, "label": labels}, row_group_size=2)
    assert summary(load_data(str(folder))).clips == 6
    (folder / "data.parquet").touch()
    for other in (module, parquet_rows) if hasattr(parquet_rows, bound) else (module,):
        monkeypatch.setattr(other, bound, value)
    assert expected in refusal(folder)


def test_rows_and_texts_of_all_files_count_together_cached_ones_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split in ("train", "test"):
        write(folder, f"{split}.parquet", {"audio": sounds(4), "label": ["a", "b"] * 2})
    assert summary(load_data(str(folder))).clips == 8
    for module in (schema, parquet_rows):
        monkeypatch.setattr(module, "MAX_ROWS", 7)
    assert "should have at most 7 recordings, but has 8" in refusal(folder)
    monkeypatch.undo()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder.parent / "cache")
    monkeypatch.setattr(parquet_rows, "MAX_TEXT_BYTES", 0)
    assert "should decompress to at most 0 MB" in refusal(folder)


# Schemas


def test_rows_of_several_files_and_groups_are_read_in_order(folder: Path) -> None:
    for part in range(3):
        names = [f"{part}-{row}" for row in range(5)]
        table = {"audio": sounds(5), "label": ["a", "b", "a", "b", "a"], "name": names}
        write(folder, f"train-0000{part}-of-00003.parquet", table, row_group_size=2)
    data = load_data(str(folder))["all"]
    assert list(data["name"]) == [f"{part}-{row}" for part in range(3) for row in range(5)]
    assert [index for index, _ in readable_clips(data, pytest.fail)] == list(range(15))


@pytest.mark.parametrize(
    ("kind", "values", "labels"),
    [
        (pa.large_string(), ["x", "y"], ["x", "y"]),
        (pa.string_view(), ["x", "y"], ["x", "y"]),
        (pa.dictionary(pa.int32(), pa.string()), ["x", "y"], ["x", "y"]),
        (pa.uint8(), [7, 3], ["3", "7"]),
        (pa.bool_(), [True, False], ["False", "True"]),
        (pa.float32(), [0.5, 1.5], ["0.5", "1.5"]),
    ],
    ids=str,
)
def test_labels_of_every_plain_type_are_read(
    folder: Path, kind: pa.DataType, values: list, labels: list[str]
) -> None:
    write_parquet(folder, label=pa.array(values, kind))
    assert list(summary(load_data(str(folder))).clips_per_label) == labels


@pytest.mark.parametrize(
    "sound",
    [
        lambda held: pa.array(held, pa.large_binary()),
        lambda held: pa.array(held, pa.binary_view()),
        lambda held: pa.StructArray.from_arrays([pa.array(held)], ["bytes"]),
        lambda held: pa.StructArray.from_arrays([pa.nulls(2), pa.array(held)], ["path", "bytes"]),
    ],
    ids=["large", "view", "bytes alone", "path first"],
)
def test_sound_is_read_in_every_form_that_holds_encoded_files(folder: Path, sound) -> None:  # noqa: ANN001
    held = [wav_bytes(tone("low")), wav_bytes(tone("high"))]
    write_parquet(folder, audio=sound(held))
    data = load_data(str(folder))["all"]
    assert [row["audio"] for row in data] == [{"bytes": b, "path": None} for b in held]
    assert clip_at(data, 1).seconds == 1.0


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"label": [["a"], ["b"]]}, 'one label per recording in its column "label", but has list<'),
        (
            {"label": [{"a": 1}, {"a": 2}]},
            'one label per recording in its column "label", but has struct<',
        ),
        ({"transcription": [["a"], ["b"]]}, 'strings or numbers in its column "transcription"'),
        ({"label": [None, None]}, "a label for every recording, but 2 of 2 have none"),
        ({"audio": [None, None]}, 'audio in its column "audio" (encoded files, as `datasets`'),
        ({"audio": [{"array": [0.5]}] * 2}, 'audio in its column "audio" (encoded files'),
        ({"audio": pa.array([], SOUND_TYPE)}, "at least two labels, but has 0 (none)"),
    ],
)
def test_columns_that_hold_something_else_are_refused_in_a_sentence(
    folder: Path, table: dict[str, Sequence], expected: str
) -> None:
    write_parquet(folder, **table)
    assert f'The data set in "{folder}" should have {expected}' in refusal(folder)


def test_two_columns_of_one_name_are_refused(folder: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array(sounds(2)), pa.array(["a", "b"]), pa.array(["c", "d"])],
        names=["audio", "label", "label"],
    )
    pyarrow.parquet.write_table(table, folder / "data.parquet")
    assert refusal(folder) == (
        f'The data set in "{folder}" should have one column "label", but has 2: rename the others.'
    )


def test_text_that_is_not_utf_8_is_refused(folder: Path) -> None:
    odd = pa.array([b"\xff\xfe", b"a"])
    odd = pa.Array.from_buffers(pa.string(), 2, odd.buffers())
    write_parquet(folder, transcription=odd)
    assert f'The data set in "{folder}" could not be read (Invalid UTF8' in refusal(folder)


def test_files_of_different_classes_are_refused_rather_than_mixed_up(folder: Path) -> None:
    for part, names in enumerate((["a", "b"], ["b", "a"])):
        features = {"label": {"_type": "ClassLabel", "names": names}}
        write_parquet(folder, features, label=[0, 1]).rename(folder / f"train-{part}.parquet")
    assert refusal(folder) == (
        f'The data set in "{folder}" should have the same columns, types and class names in all '
        'its Parquet files, but "train-1.parquet" differs from the first: save them again.'
    )


def test_class_names_are_never_read_from_the_file_that_a_schema_names(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret\nother\n")
    (tmp_path / "data").mkdir()
    features = {"label": {"_type": "ClassLabel", "names_file": str(tmp_path / "secret.txt")}}
    write_parquet(tmp_path / "data", features, label=[0, 1])
    read, message, opened, asked, _ = watched(tmp_path / "data")
    assert (read, message, asked) == (2, "", [])
    assert "secret.txt" not in opened


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["a", "a"], "the same name twice"),
        ([str(n) for n in range(1001)], "1,001 names"),
        (["a", "b" * 257], "one that is not a string of that length"),
        (["a", 1], "one that is not a string of that length"),
    ],
)
def test_class_names_have_bounds(folder: Path, names: list, wrong: str) -> None:
    write_parquet(folder, {"label": {"names": names, "_type": "ClassLabel"}}, label=[0, 1])
    assert refusal(folder) == (
        f'The data set in "{folder}" should have at most 1,000 different class names in its '
        f'column "label", of at most 256 characters, but has {wrong}.'
    )


@pytest.mark.parametrize("metadata", ["[" * 10_000, "{", "[]", '{"info": {"features": [1]}}'])
def test_metadata_that_names_no_classes_is_passed_over(folder: Path, metadata: str) -> None:
    path = write_parquet(folder)
    table = pyarrow.parquet.read_table(path)
    table = table.replace_schema_metadata({"huggingface": metadata})
    pyarrow.parquet.write_table(table, path)
    assert summary(load_data(str(folder))).clips_per_label == {"a": 1, "b": 1}


def test_other_columns_are_not_unpacked(folder: Path) -> None:
    write_parquet(folder, notes=repeated("x" * 1_000_000, 2000))
    message, megabytes = measured(folder)
    assert message == ""
    assert megabytes < 300


def test_a_column_that_lies_in_another_file_is_refused(folder: Path) -> None:
    path = write_parquet(folder)
    metadata = pyarrow.parquet.read_metadata(path)
    metadata.set_file_path("../../secret.parquet")
    stored = io.BytesIO()
    metadata.write_metadata_file(stored)
    footer = stored.getvalue()[4:]
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    path.write_bytes(content[: -8 - length] + footer)
    assert "could not be read (a column in another file)" in refusal(folder)
