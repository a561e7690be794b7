"""The README of a data folder declares subsets, splits and classes, and reaches nothing outside."""

import http.server
import io
import itertools
import os
import threading
from pathlib import Path

import datasets
import fsspec
import pytest
from datasets.data_files import DataFilesDict, get_data_patterns
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from intent.data.dataset import label_names, load_data, summary
from intent.data.readme import read_card
from intent.data.splits import files_by_split, path_inside, split_by_name
from intent.errors import DataError
from tests.hostile.folders import write_parquet
from tests.unit.data.test_files import refusal, watched


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def table(path: Path, *labels: str) -> None:
    """Write a Parquet file of two clips of two labels, under any name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path.parent, label=list(labels)).rename(path)


def described(folder: Path, header: str) -> Path:
    """A folder of two Parquet files with a README."""
    table(folder / "one" / "x.parquet", "a", "b")
    table(folder / "two" / "y.parquet", "c", "d")
    (folder / "README.md").write_text(f"---\n{header}\n---\n# Text\n", encoding="utf-8")
    return folder


def parts(folder: Path) -> dict[str, list[str]]:
    """The labels that each part holds."""
    data = load_data(str(folder))
    return {
        split: [label for label, clips in summary(part).clips_per_label.items() if clips]
        for split, part in data.items()
    }


# Patterns

LEADING_OUT = [
    ("http://127.0.0.1:{port}/a.parquet", "a URL"),
    ("hf://datasets/some/name/a.parquet", "a URL"),
    ("file://{outside}", "a URL"),
    ("file:{outside}", "a URL"),
    ("zip://a.parquet::{outside}", "a URL"),
    ("simplecache::{outside}", "a URL"),
    ("{outside}", "an absolute path"),
    ("~/a.parquet", "an absolute path"),
    ("C:\\a.parquet", "an absolute path"),
    ("\\\\server\\a.parquet", "an absolute path"),
    ("../outside.parquet", "a path with .."),
    ("one/../../*.parquet", "a path with .."),
    ("one/**/..", "a path with .."),
    ("..\\outside.parquet", "a path with .."),
]


@pytest.mark.parametrize(("pattern", "wrong"), LEADING_OUT)
def test_a_pattern_that_leaves_the_folder_is_refused_by_name(
    tmp_path: Path, pattern: str, wrong: str
) -> None:
    table(tmp_path / "outside.parquet", "c", "d")
    pattern = pattern.format(outside=tmp_path / "outside.parquet", port=9)
    header = f"configs:\n- config_name: default\n  data_files: '{pattern}'"
    shown = pattern if len(pattern) <= 80 else f"{pattern[:77]}..."
    assert refusal(described(tmp_path / "data", header)) == (
        f'The README.md of "{tmp_path / "data"}" should name files inside the folder, but names '
        f'"{shown}", {wrong}: move the files into the folder and use relative paths.'
    )


@pytest.mark.parametrize("folder", ["..", "/tmp", "http://127.0.0.1:9/", "one/../../x"])
def test_a_data_dir_that_leaves_the_folder_is_refused(tmp_path: Path, folder: str) -> None:
    header = f"configs:\n- config_name: default\n  data_dir: '{folder}'"
    assert "should name files inside the folder" in refusal(described(tmp_path / "data", header))


def test_a_url_in_a_readme_is_never_requested(tmp_path: Path) -> None:
    requests: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            requests.append("asked")
            self.close_connection = True

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/a.parquet"
    header = f"configs:\n- config_name: default\n  data_files:\n  - one/*\n  - {address}"
    read, message, _, asked, _ = watched(described(tmp_path / "data", header))
    server.shutdown()
    server.server_close()
    assert (read, asked, requests) == (0, [], [])
    assert f'names "{address}", a URL' in message


def test_a_pattern_without_a_file_is_named_with_the_links_that_were_left_out(
    tmp_path: Path,
) -> None:
    folder = described(tmp_path / "data", "configs:\n- config_name: default\n  data_files: three/*")
    (folder / "three").mkdir()
    (folder / "three" / "z.parquet").symlink_to("/etc/passwd")
    assert refusal(folder) == (
        f'The README.md of "{folder}" names "three/*", but the folder has no readable Parquet file '
        f'that matches: correct the pattern, or add the file. Not read: "three/z.parquet" is a '
        f"link "
        "to a file outside of the folder."
    )


# Subsets


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("one/x.parquet", {"all": ["a", "b"]}),
        ("'./one/*'", {"all": ["a", "b"]}),
        ("['one/*', 'two/*']", {"all": ["a", "b", "c", "d"]}),
        ("['**/*.parquet', 'one/*']", {"all": ["a", "b", "c", "d"]}),
        ("{train: 'one/*', test: ['two/*']}", {"train": ["a", "b"], "test": ["c", "d"]}),
        (
            "[{split: train, path: 'one/*'}, {split: test, path: ['two/?.parquet']}]",
            {"train": ["a", "b"], "test": ["c", "d"]},
        ),
        ("[{split: validation, path: 'two/[xyz].parquet'}]", {"all": ["c", "d"]}),
    ],
)
def test_data_files_may_be_declared_in_every_form_of_the_hub(
    tmp_path: Path, files: str, expected: dict[str, list[str]]
) -> None:
    header = f"configs:\n- config_name: default\n  data_files: {files}"
    assert parts(described(tmp_path / "data", header)) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("pretty_name: no configs", ["a", "b", "c", "d"]),
        ("configs:\n- {config_name: only, data_dir: two}", ["c", "d"]),
        ("configs:\n- {config_name: only, data_dir: ., data_files: 'one/*'}", ["a", "b"]),
        (
            "configs:\n- {config_name: x, data_dir: one}\n- {config_name: default, data_dir: two}",
            ["c", "d"],
        ),
        (
            "configs:\n- {config_name: x, data_dir: one, default: true}\n- {config_name: y}",
            ["a", "b"],
        ),
        ("configs:\n- {config_name: 1, data_files: 'two/*'}", ["c", "d"]),
    ],
)
def test_the_default_subset_is_read(tmp_path: Path, header: str, expected: list[str]) -> None:
    assert parts(described(tmp_path / "data", header)) == {"all": expected}


def test_several_subsets_without_a_default_are_named(tmp_path: Path) -> None:
    header = "configs:\n- {config_name: x, data_dir: one}\n- {config_name: y, data_dir: two}"
    assert refusal(described(tmp_path / "data", header)) == (
        f'The README.md of "{tmp_path / "data"}" should mark one of its 2 subsets as the default, '
        'but none of them (x, y) has "default: true": add it to one.'
    )


@pytest.mark.parametrize("form", ["['first', 'second']", "{'0': first, '1': second}"])
def test_classes_named_by_the_readme_alone_name_the_numbers(tmp_path: Path, form: str) -> None:
    write_parquet(tmp_path, label=[1, 0, 1])
    (tmp_path / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n"
        f"        names: {form}\n---\n"
    )
    data = load_data(str(tmp_path))
    assert label_names(data) == ("first", "second")
    assert data["all"]["label"][:] == [1, 0, 1]


@pytest.mark.parametrize(
    "header",
    [
        "configs: text",
        "configs: [text]",
        "configs: [{data_files: x}]",
        "configs: [[[]]]",
        "configs: [{config_name: [x]}]",
        "configs: [{config_name: x, data_files: [[]]}]",
        "configs: [{config_name: x, data_files: [{split: a}]}]",
        "configs: [{config_name: x, data_files: [{split: a, path: x}, {split: a, path: y}]}]",
        "configs: [{config_name: x, data_dir: [x]}]",
        "a: [",
        "? [a]\n: b",
        "x: *y",
    ],
)
def test_a_readme_in_another_form_is_refused_in_a_sentence(tmp_path: Path, header: str) -> None:
    message = refusal(described(tmp_path / "data", header))
    assert message.startswith(f'The README.md of "{tmp_path / "data"}" should ')
    assert len(message) < 500


# Bounds


def laughing(first: str, form: str) -> str:
    """YAML of half a kilobyte that stands for 10^9 values."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, 10):
        lines.append(f"a{level}: &a{level} " + form % ", ".join([f"*a{level - 1}"] * 10))
    return "\n".join(lines)


@pytest.mark.parametrize(
    "header",
    [
        laughing("[x]", "[%s]"),
        laughing("{x: y}", "{<<: [%s]}"),
        "a: " + "{a: " * 500,
        "a: " + "[" * 900,
        "a:\n" + "- x\n" * 240_000,
    ],
    ids=["laughs", "merges", "mappings", "lists", "values"],
)
def test_yaml_that_is_deep_long_or_repeats_itself_is_refused_before_it_is_built(
    header: str,
) -> None:
    with pytest.raises(DataError) as refused:
        read_card(io.BytesIO(f"---\n{header}\n---\n".encode()), "data")
    assert str(refused.value) == (
        'The README.md of "data" should have YAML without aliases, at most 24 levels deep and of '
        "at most 200,000 values, but does not."
    )


def test_of_a_long_readme_its_first_megabyte_is_read() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0
            self.read_bytes += size
            return b"---\n" + b"x: y\n" * (size // 5)

    file = Endless()
    with pytest.raises(DataError) as refused:
        read_card(file, "data")
    assert "at most 1,000,000 bytes of YAML" in str(refused.value)
    assert file.read_bytes <= 1_000_001
    assert read_card(io.BytesIO(b"---\na: b\n---\n" + b"text\n" * 300_000), "data").subsets == {}


@settings(max_examples=300, deadline=None)
@example(b"---\nconfigs: [{config_name: x, data_files: {x: y}}]\n---\n")
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(st.sampled_from("-:[]{}&*!?|>'\"# \n\t,abc019~<="), max_size=80).map(
            lambda text: f"---\n{text}\n---\n".encode()
        ),
        st.recursive(
            st.sampled_from(["x", "train", "*", "1", "true", ""]),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(
                        [
                            "config_name",
                            "data_files",
                            "data_dir",
                            "split",
                            "path",
                            "features",
                            "dtype",
                            "class_label",
                            "names",
                            "name",
                        ]
                    ),
                    inner,
                    max_size=4,
                ),
            ),
        ).map(lambda value: f"---\nconfigs: {value}\ndataset_info: {value}\n---\n".encode()),
    )
)
def test_any_readme_is_read_or_refused_in_a_sentence(content: bytes) -> None:
    try:
        card = read_card(io.BytesIO(content), "data")
    except DataError as error:
        assert str(error).startswith('The README.md of "data" should ')
        return
    for subset in card.subsets.values():
        for patterns in subset.patterns.values():
            assert all(isinstance(pattern, str) for pattern in patterns)


def test_no_pattern_takes_long_whatever_its_stars() -> None:
    files = ["a" * 250 + "/" + "b" * 250 + ".parquet"] * 1000
    for pattern in ("*a" * 400 + "/*", "**/" * 300 + "x", "[a-z]" * 200):
        with pytest.raises(DataError):
            files_by_split(files, {"train": [pattern]}, "The README.md")


# What `datasets` does


NAMES = st.sampled_from(
    [
        "train",
        "test",
        "dev",
        "a",
        "data",
        "x-train",
        "my_test",
        "training2",
        "train-00000-of-00001",
        "eval.b",
        "contrain",
        "x.y",
        "test1",
    ]
)
PATHS = st.sets(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".parquet"),
    min_size=1,
    max_size=5,
)
LIVELY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def place(folder: Path, files: set[str]) -> Path:
    folder = folder / str(len(os.listdir(folder)))
    folder.mkdir()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


@LIVELY
@given(PATHS)
def test_files_are_divided_by_their_names_as_datasets_divides_them(
    tmp_path_factory: pytest.TempPathFactory, files: set[str]
) -> None:
    folder = place(tmp_path_factory.getbasetemp(), files)
    patterns = get_data_patterns(str(folder))
    theirs = {
        split: sorted(os.path.relpath(file, folder) for file in set(found))
        for split, found in DataFilesDict.from_patterns(patterns, base_path=str(folder)).items()
    }
    ours = split_by_name(sorted(files))
    assert sorted(itertools.chain(*ours.values())) == sorted({*itertools.chain(*theirs.values())})
    for split, found in ours.items():
        assert set(found) <= set(theirs[split])  # datasets may put a file into two splits


def test_a_file_is_in_the_part_of_its_innermost_folder_only_in_any_case() -> None:
    files = ["test data/Train/a.parquet", "test data/TEST/b.parquet", "test data/dev/train.parquet"]
    assert split_by_name(files) == {
        "train": ["test data/Train/a.parquet"],
        "validation": ["test data/dev/train.parquet"],
        "test": ["test data/TEST/b.parquet"],
    }


@LIVELY
@given(
    PATHS,
    st.lists(
        st.sampled_from(
            ["*", "**", "?", "[td]*", "[!t]*", "train*", "a", "data", "*.parquet", "test-*"]
        ),
        min_size=1,
        max_size=4,
    ),
)
@example({"train/train.parquet"}, ["*", "*", "**"])
def test_a_pattern_matches_the_files_that_fsspec_finds(
    tmp_path_factory: pytest.TempPathFactory, files: set[str], pattern: list[str]
) -> None:
    folder = place(tmp_path_factory.getbasetemp(), files)
    found = fsspec.filesystem("file").glob(f"{folder}/{'/'.join(pattern)}")
    theirs = sorted(os.path.relpath(file, folder) for file in found if os.path.isfile(file))
    try:
        ours = files_by_split(sorted(files), {"train": ["/".join(pattern)]}, "The README.md")
    except DataError:
        ours = {"train": []}
    assert sorted(ours["train"]) == theirs


@given(st.text(st.sampled_from("./\\~:ab*"), max_size=12))
def test_a_path_that_is_let_through_stays_inside(path: str) -> None:
    try:
        plain = path_inside(path, "The README.md")
    except DataError:
        return
    joined = os.path.normpath(os.path.join("/data/set", plain))
    assert joined == "/data/set" or joined.startswith("/data/set/")
