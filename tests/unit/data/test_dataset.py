"""Data sets from folders, the bundled sample, and their split."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from datasets import Audio, ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from intent.data.dataset import (
    DataSummary,
    clip_at,
    label_names,
    load_data,
    readable_clips,
    split,
    summary,
)
from intent.data.schema import Part, unite
from intent.errors import DataError
from tests.repository import ROOT
from tests.tiny import LABELS, tone, tone_folder, wav_bytes

COLUMNS = ["audio", "label", "transcription", "locale", "synthetic", "name"]
SOUND = {"bytes": Value("binary"), "path": Value("string")}


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write_parquet(
    folder: Path,
    part: str = "train",
    labels: tuple[str, ...] = LABELS,
    clips_per_label: int = 6,
    column: str = "intent_class",
    as_classes: bool = True,
) -> Path:
    """Write tones as `datasets` writes a data set with sound, and return the Parquet file."""
    rows = [(label, seed) for label in labels for seed in range(clips_per_label)]
    kind = ClassLabel(names=list(labels)) if as_classes else Value("string")
    features = Features(
        {"path": Value("string"), "audio": SOUND, "transcription": Value("string"), column: kind}
    )
    columns = {
        "path": [f"{folder.name}~{label}/{label}-{seed}.wav" for label, seed in rows],
        "audio": [{"bytes": wav_bytes(tone(*row)), "path": f"{row[0]}.wav"} for row in rows],
        "transcription": [f"{label} number {seed}" for label, seed in rows],
        column: [label for label, _ in rows],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part}-00000-of-00001.parquet"
    dataset = Dataset.from_dict(columns, features=features)
    dataset.cast_column("audio", Audio(decode=False)).to_parquet(path)
    return path


def message_of(data: Path | str, *locales: str) -> str:
    with pytest.raises(DataError) as refused:
        load_data(str(data), locales or ("en-US",))
    return str(refused.value)


def names(dataset: Dataset) -> list[str]:
    return list(dataset["name"])


# Parquet


def test_per_locale_subfolders_give_the_locales_asked_for(tmp_path: Path) -> None:
    for locale in ("en-US", "en-GB", "fr-FR"):
        write_parquet(tmp_path / "data" / locale)
    data = load_data(str(tmp_path / "data"), ("fr-FR", "en-US"))
    assert data.column_names == {"all": COLUMNS}
    assert list(data["all"]["locale"]) == ["fr-FR"] * 18 + ["en-US"] * 18
    row = data["all"][0]
    assert {name: row[name] for name in COLUMNS[1:]} == {
        "label": 0,
        "transcription": "low number 0",
        "locale": "fr-FR",
        "synthetic": False,
        "name": "low-0.wav",
    }
    assert row["audio"] == {"bytes": wav_bytes(tone("low", 0)), "path": "low.wav"}
    assert data["all"].features["audio"] == Audio(decode=False)


def test_per_locale_configs_are_read_as_the_readme_declares_them(tmp_path: Path) -> None:
    for locale in ("en-US", "en-GB"):
        write_parquet(tmp_path / "data" / f"files of {locale}")
    (tmp_path / "data" / "README.md").write_text(
        "---\nconfigs:\n- config_name: en-US\n  data_files: files of en-US/*\n"
        "- config_name: en-GB\n  data_files: files of en-GB/*\n---\n"
    )
    data = load_data(str(tmp_path / "data"), ("en-GB",))
    assert summary(data) == DataSummary({"low": 6, "middle": 6, "high": 6}, 18, ("en-GB",))
    assert message_of(tmp_path / "data", "en-GB", "de-DE") == (
        f'"{tmp_path / "data"}" has no locale "de-DE": choose from en-GB, en-US.'
    )


@pytest.mark.parametrize("column", ["intent_class", "label", "labels", "intent"])
@pytest.mark.parametrize("as_classes", [True, False])
def test_a_plain_folder_may_name_and_store_its_labels_in_any_usual_way(
    tmp_path: Path, column: str, as_classes: bool
) -> None:
    write_parquet(tmp_path / "data", column=column, as_classes=as_classes)
    data = load_data(str(tmp_path / "data"))
    # classes keep the data set's own order; text has none and is sorted
    assert label_names(data) == (LABELS if as_classes else tuple(sorted(LABELS)))
    for row in data["all"]:
        assert row["transcription"].startswith(label_names(data)[row["label"]])
        assert row["locale"] == ""


def test_own_train_and_test_parts_are_kept(tmp_path: Path) -> None:
    write_parquet(tmp_path / "data", "train", clips_per_label=5)
    write_parquet(tmp_path / "data", "test", clips_per_label=1)
    data = load_data(str(tmp_path / "data"))
    divided = split(data, seed=7, test_share=0.5)
    assert {name: len(part) for name, part in data.items()} == {"train": 15, "test": 3}
    assert {name: names(part) for name, part in divided.items()} == {
        name: names(part) for name, part in data.items()
    }


def test_locales_with_different_classes_share_one_list_of_labels(tmp_path: Path) -> None:
    write_parquet(tmp_path / "data" / "en-US", labels=("middle", "low"))
    write_parquet(tmp_path / "data" / "en-GB", labels=("low", "high"))
    data = load_data(str(tmp_path / "data"), ("en-US", "en-GB"))
    assert summary(data) == DataSummary({"high": 6, "low": 12, "middle": 6}, 24, ("en-US", "en-GB"))
    for row in data["all"]:
        assert row["transcription"].startswith(label_names(data)[row["label"]])


def test_parquet_of_another_writer_gives_its_sound_and_numbered_labels(tmp_path: Path) -> None:
    sounds = [{"bytes": wav_bytes(tone("low", seed)), "path": None} for seed in range(4)]
    pyarrow.parquet.write_table(
        pa.table({"audio": sounds, "label": [3, 1, 3, 1]}), tmp_path / "table.parquet"
    )
    data = load_data(str(tmp_path))["all"]
    assert label_names(data) == ("1", "3")
    assert names(data) == [f"train clip {row}" for row in (1, 2, 3, 4)]
    np.testing.assert_allclose(clip_at(data, 2).samples, tone("low", 2), atol=1 / 32768)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            {"sound": ["x", "y"], "label": ["a", "b"]},
            ('should have a column named "audio", but has sound, label: rename its audio column.'),
        ),
        (
            {"audio": ["x"], "category": ["a"]},
            (
                "should have a label column named one of intent_class, label, labels, intent, but has "
                "audio, category: rename its label column."
            ),
        ),
        (
            {"audio": ["x"] * 3, "label": ["a", None, "b"]},
            "should have a label for every recording, but 1 of 3 have none: label them or remove them.",
        ),
        (
            {"audio": ["x"] * 3, "label": ["a"] * 3},
            "should have at least two labels, but has 1 (a): add recordings with another label.",
        ),
        (
            {"audio": [1, 2], "label": ["a", "b"]},
            (
                'should have audio in its column "audio" (encoded files, as `datasets` stores them), '
                "but has Value('int64'): save it again."
            ),
        ),
    ],
)
def test_a_table_that_is_no_data_set_says_what_it_lacks(
    tmp_path: Path, table: dict, expected: str
) -> None:
    pyarrow.parquet.write_table(pa.table(table), tmp_path / "table.parquet")
    assert message_of(tmp_path) == f'The data set in "{tmp_path}" {expected}'


def test_a_damaged_parquet_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    assert message_of(tmp_path) == (
        f'The data set in "{tmp_path}" could not be read (Parquet file size is 4 bytes, smaller '
        "than the minimum file footer (8 bytes)): check that its Parquet files are complete "
        "and have the same columns, and that the disk has space."
    )


def test_a_folder_may_have_a_name_that_would_be_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "data [1] *?"
    write_parquet(folder)
    write_parquet(tmp_path / "data 1", labels=("low", "high"))
    assert summary(load_data(str(folder))).clips_per_label == dict.fromkeys(LABELS, 6)


# One folder per label


def test_a_folder_per_label_is_read_in_sorted_order_without_loading_it(tmp_path: Path) -> None:
    data = load_data(str(tone_folder(tmp_path / "data", 3)))["all"]
    assert data.column_names == COLUMNS
    assert label_names(data) == ("high", "low", "middle")
    assert names(data) == [f"{x}/{x}-0{n}.wav" for x in ("high", "low", "middle") for n in range(3)]
    assert data[4]["audio"] == {"bytes": None, "path": str(tmp_path / "data/low/low-01.wav")}
    np.testing.assert_allclose(clip_at(data, 4).samples, tone("low", 1, 0.85), atol=1 / 32768)


def test_a_level_of_train_and_test_is_kept(tmp_path: Path) -> None:
    tone_folder(tmp_path / "train", 3)
    tone_folder(tmp_path / "test", 1)
    data = load_data(str(tmp_path))
    assert {name: len(part) for name, part in data.items()} == {"train": 9, "test": 3}
    assert names(data["test"]) == [
        "test/high/high-00.wav",
        "test/low/low-00.wav",
        "test/middle/middle-00.wav",
    ]


def test_hidden_files_other_files_and_links_that_leave_the_folder_are_not_read(
    tmp_path: Path,
) -> None:
    folder = tone_folder(tmp_path / "data", 2, ("low", "high"))
    secret = tone_folder(tmp_path / "elsewhere", 2, ("middle",)) / "middle"
    (folder / "low" / ".hidden.wav").write_bytes(b"x")
    (folder / "low" / "notes.txt").write_text("not sound")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "clip.wav").write_bytes(b"x")
    (folder / "low" / "linked.wav").symlink_to(secret / "middle-00.wav")
    (folder / "low" / "within.wav").symlink_to(folder / "low" / "low-00.wav")
    (folder / "middle").symlink_to(secret)
    (folder / "high" / "more").symlink_to(secret)
    os.mkfifo(folder / "high" / "pipe.wav")
    assert names(load_data(str(folder))["all"]) == [
        "high/high-00.wav",
        "high/high-01.wav",
        "low/low-00.wav",
        "low/low-01.wav",
        "low/within.wav",
    ]


def test_every_audio_suffix_is_seen_in_either_case_and_below(tmp_path: Path) -> None:
    files = ["a.wav", "b.FLAC", "c.ogg", "d.opus", "e.Mp3", "f.m4a", "g.aac", "deep/er/h.webm"]
    for name in files:
        path = tmp_path / "one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert summary(load_data(str(tmp_path))).clips_per_label == {"one": 8, "two": 8}


def test_unusable_folders_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file.wav").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    tone_folder(tmp_path / "single", 2, ("low",))
    assert message_of(tmp_path / "absent") == (
        f'A folder was expected at "{tmp_path / "absent"}", but there is nothing: check the path.'
    )
    assert message_of(tmp_path / "file.wav") == (
        f'A folder was expected at "{tmp_path / "file.wav"}", but there is a file: check the path.'
    )
    assert message_of(tmp_path / "empty") == (
        f'"{tmp_path / "empty"}" should have Parquet files, or one folder per label with audio '
        "files (WAV, FLAC, Ogg, Opus, MP3, m4a, mp4, WebM, CAF, AIFF, AMR, WMA and others), but has "
        "neither: choose another folder."
    )
    assert message_of(tmp_path / "single") == (
        f'The data set in "{tmp_path / "single"}" should have at least two labels, but has 1 '
        "(low): add recordings with another label."
    )
    assert message_of("x" * 300) == (
        f'The folder "{"x" * 300}" could not be opened (File name too long): check the path '
        "and its permissions."
    )
    assert message_of(" ") == (
        'A data set is needed, but none was given: use "minds14", "sample" or the path of a folder.'
    )


# Clips


def test_unreadable_clips_are_reported_and_left_out(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path, 2, ("low", "high"))
    (folder / "high" / "high-01.wav").write_bytes(b"")
    (folder / "low" / "low-00.wav").write_text("no sound")
    skipped: list[tuple[str, str]] = []
    data = load_data(str(folder))["all"]
    read = list(readable_clips(data, lambda name, reason: skipped.append((name, reason))))
    assert [index for index, _ in read] == [0, 3]
    assert [clip.seconds for _, clip in read] == [0.8, 0.85]
    assert skipped == [
        (
            "high/high-01.wav",
            'The recording "high-01.wav" is empty (0 bytes). Record or export it again.',
        ),
        (
            "low/low-00.wav",
            (
                'The recording "low-00.wav" is not a sound file that can be read, or it is damaged. '
                "Use WAV, FLAC, Ogg, Opus, MP3, m4a or WebM."
            ),
        ),
    ]


# The bundled sample


def test_the_sample_has_its_own_test_part_with_every_intent() -> None:
    data = load_data("sample")
    assert data.column_names == {"train": COLUMNS, "test": COLUMNS}
    assert len(label_names(data)) == 14
    assert set(summary(data["train"]).clips_per_label.values()) == {12}
    assert set(summary(data["test"]).clips_per_label.values()) == {4}
    assert clip_at(data["test"], 0).sample_rate == 8000
    assert all(data["train"]["transcription"])


# The split


def labelled(counts: dict[str, list[int]]) -> DatasetDict:
    """A data set with clips per locale and label, whose sound nobody reads."""
    parts = []
    for locale, clips in counts.items():
        rows = [(label, n) for label, count in enumerate(clips) for n in range(count)]
        columns = {
            "audio": [{"bytes": b"", "path": None}] * len(rows),
            "label": [str(label) for label, _ in rows],
            "name": [f"{locale} {label} {n}" for label, n in rows],
        }
        features = Features(audio=SOUND, label=Value("string"), name=Value("string"))
        parts.append(Part(Dataset.from_dict(columns, features=features), "train", locale))
    return unite(parts, "The data set")


LOCALE_COUNTS = st.dictionaries(
    st.sampled_from(["en-US", "en-GB", "fr-FR"]),
    st.lists(st.integers(5, 12), min_size=2, max_size=4),
    min_size=1,
)
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(LOCALE_COUNTS, SEEDS, st.sampled_from([0.2, 0.25, 0.5]))
def test_train_and_test_are_disjoint_cover_everything_and_each_hold_every_label(
    counts: dict[str, list[int]], seed: int, share: float
) -> None:
    data = labelled(counts)
    divided = split(data, seed, share)
    train, test = names(divided["train"]), names(divided["test"])
    assert sorted(train + test) == sorted(names(data["all"]))
    assert len(set(train + test)) == len(train) + len(test)
    for locale, clips in counts.items():
        expected = {f"{locale} {label}" for label in range(len(clips))}
        for part in (train, test):
            assert {n.rsplit(" ", 1)[0] for n in part if n.startswith(locale)} == expected


@settings(max_examples=25, deadline=None)
@given(LOCALE_COUNTS, SEEDS)
def test_a_locales_test_part_is_the_same_whatever_other_locales_are_added(
    counts: dict[str, list[int]], seed: int
) -> None:
    together = names(split(labelled(counts), seed)["test"])
    for locale in counts:
        alone = names(split(labelled({locale: counts[locale]}), seed)["test"])
        assert [name for name in together if name.startswith(locale)] == alone


def test_one_locale_is_split_as_datasets_itself_splits_it() -> None:
    data = labelled({"en-US": [20, 30, 25]})
    ours = split(data, seed=42)
    theirs = data["all"].train_test_split(test_size=0.2, seed=42, stratify_by_column="label")
    assert {part: names(ours[part]) for part in ours} == {p: names(theirs[p]) for p in theirs}


def test_each_label_keeps_its_share_of_the_test_part() -> None:
    test = split(labelled({"en-US": [50, 10, 40]}), seed=3)["test"]
    assert Counter(test["label"]) == {0: 10, 1: 2, 2: 8}


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        (
            {"en-US": [9, 9], "en-GB": [9, 1, 1]},
            0.2,
            (
                "Each label in en-GB needs at least 2 recordings, one to train on and one to test on, "
                "but 1, 2 have 1: add recordings or remove the label."
            ),
        ),
        (
            {"": [4, 1]},
            0.2,
            (
                "Each label needs at least 2 recordings, one to train on and one to test on, "
                "but 1 has 1: add recordings or remove the label."
            ),
        ),
        (
            {"fr-FR": [4, 4, 4]},
            0.1,
            (
                "The test set in fr-FR needs a recording for each of 3 labels, but 0.1 of "
                "12 recordings is 2: add recordings or set test_share to at least 0.25."
            ),
        ),
        (
            {"fr-FR": [2, 2, 3]},
            0.05,
            (
                "The test set in fr-FR needs a recording for each of 3 labels, but 0.05 of "
                "7 recordings is 1: add recordings or set test_share to at least 0.43."
            ),
        ),
    ],
)
def test_too_few_clips_to_split_are_refused_with_advice(
    counts: dict[str, list[int]], share: float, expected: str
) -> None:
    with pytest.raises(DataError) as refused:
        split(labelled(counts), seed=0, test_share=share)
    assert str(refused.value) == expected


def test_importing_the_module_loads_neither_datasets_nor_torch() -> None:
    code = (
        "import sys, intent.data.dataset; print({'datasets', 'torch', 'gradio'} & set(sys.modules))"
    )
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_bars_of_one_thread_leave_those_of_another_their_lock() -> None:
    code = (
        "from datasets.utils import tqdm\n"
        "from tqdm.contrib.concurrent import ensure_lock\n"
        "from intent.data.local import without_progress_bars\n"
        "with without_progress_bars():\n"  # as around all that `datasets` reads for us
        "    with ensure_lock(tqdm): pass  # what ends in one thread\n"
        "print(hasattr(tqdm, '_lock'))  # what another one, begun before, will look for\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        text=True,
        capture_output=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
