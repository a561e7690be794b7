"""A data set reads the files of its own folder, and tells of everything in it that is none."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import datasets
import pytest
from datasets import Dataset

from intent.data import files as data_files
from intent.data.dataset import clip_at, load_data, readable_clips, summary
from intent.errors import AudioError, DataError
from intent.ui.shared.recordings import measure, open_data
from tests.hostile.folders import write_parquet
from tests.repository import ROOT
from tests.tiny import tone, tone_folder, wav_bytes

OUTSIDE = "is a link to a file outside of the folder"
# What a fresh process opens, and to whom it connects, while it loads a folder and reads its clips.
WATCH = """
import json, os, sys
import datasets, pyarrow.parquet, pyarrow.compute, soundfile, soxr, yaml, sklearn.model_selection
from intent.data.dataset import load_data, readable_clips
from intent.errors import DataError
opened, asked, skipped = [], [], []
def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        opened.append(os.path.basename(os.fsdecode(args[0])))
    if event in ("socket.connect", "socket.getaddrinfo"):
        asked.append(str(args[1:]))
sys.addaudithook(watch)
read, message = 0, ""
try:
    for part in load_data(sys.argv[1]).values():
        read += len(list(readable_clips(part, lambda *skip: skipped.append(skip))))
except DataError as error:
    message = str(error)
print(json.dumps([read, message, opened, asked, skipped]))
"""


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def watched(folder: Path) -> tuple[int, str, list[str], list[str], list[list[str]]]:
    """Clips read, refusal, names of the files opened, addresses asked, and clips left out."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "HF_DATASETS_CACHE": str(folder.parent / "cache")},
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def told(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The names of the clips of a folder, and what was left out of it, with the reasons."""
    left_out: dict[str, str] = {}
    data = load_data(str(folder), on_skip=left_out.__setitem__)
    return [name for part in data.values() for name in part["name"]], left_out


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as refused:
        load_data(str(folder))
    return str(refused.value)


def skips(dataset: Dataset) -> list[tuple[str, str]]:
    skipped: list[tuple[str, str]] = []
    list(readable_clips(dataset, lambda *skip: skipped.append(skip)))
    return skipped


def rows_naming(folder: Path, *paths: str) -> Path:
    """A data folder whose Parquet holds a path a row, and no bytes."""
    folder.mkdir(exist_ok=True)
    write_parquet(folder, audio=[{"bytes": None, "path": path} for path in paths])
    return folder


# Rows with a path and no bytes


def test_a_row_that_names_a_file_outside_is_left_out_by_name_and_the_file_never_opened(
    tmp_path: Path,
) -> None:
    for name in ("secret.wav", "other.wav"):
        (tmp_path / name).write_bytes(wav_bytes(tone("low")))
    folder = rows_naming(tmp_path / "data", str(tmp_path / "secret.wav"), "../other.wav")
    read, message, opened, asked, skipped = watched(folder)
    assert (read, message, asked) == (0, "", [])
    assert not {"secret.wav", "other.wav"} & set(opened)
    assert skipped == [
        [
            name,
            f'The recording "{name}" is not in its data folder, and files elsewhere are not read. '
            "Move it into the folder, or store its bytes in the Parquet file.",
        ]
        for name in ("secret.wav", "other.wav")
    ]


def test_a_row_may_name_a_file_from_the_folder_from_its_parquet_or_absolutely(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    (folder / "clips").mkdir(parents=True)
    for name in ("clips/a.wav", "b.wav", "clips/c.wav"):
        (folder / name).write_bytes(wav_bytes(tone("low")))
    rows_naming(folder / "clips", "clips/a.wav", "../b.wav", str(folder / "clips" / "c.wav"))
    data = load_data(str(folder))["all"]
    assert [clip.seconds for _, clip in readable_clips(data, pytest.fail)] == [1.0] * 3


def test_a_named_file_that_comes_later_is_found_though_the_parquet_is_as_it_was(
    tmp_path: Path,
) -> None:
    folder = rows_naming(tmp_path / "data", "a.wav", "b.wav")
    assert len(skips(load_data(str(folder))["all"])) == 2
    (folder / "a.wav").write_bytes(wav_bytes(tone("low")))
    assert [name for name, _ in skips(load_data(str(folder))["all"])] == ["b.wav"]


@pytest.mark.parametrize("swapped", ["low/low-00.wav", "low"])
@pytest.mark.parametrize("layout", ["labels", "parquet"])
def test_a_file_or_folder_swapped_for_a_link_after_loading_is_not_followed(
    tmp_path: Path, swapped: str, layout: str
) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    secret = tone_folder(tmp_path / "secret", 1, ("low",))
    if layout == "parquet":
        rows_naming(folder, "low/low-00.wav", "high/high-00.wav")
    data = load_data(str(folder))["all"]
    row = next(row for row, name in enumerate(data["name"]) if name.endswith("low-00.wav"))
    assert clip_at(data, row).seconds == 0.8
    (folder / swapped).rename(tmp_path / "moved")
    (folder / swapped).symlink_to(secret / swapped)
    with pytest.raises(AudioError) as refused:
        clip_at(data, row)
    assert str(refused.value) == (
        'The recording "low-00.wav" cannot be opened (it was replaced by a link). Choose another '
        "file."
    )


def test_a_file_swapped_for_a_pipe_after_loading_does_not_wait_for_a_writer(
    tmp_path: Path,
) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    data = load_data(str(folder))["all"]
    (folder / "low" / "low-00.wav").unlink()
    os.mkfifo(folder / "low" / "low-00.wav")
    assert skips(data) == [
        (
            "low/low-00.wav",
            'The recording "low-00.wav" cannot be opened (it is not a regular file). '
            "Choose another file.",
        ),
    ]


# Links


def test_a_parquet_file_linked_from_inside_the_folder_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / ".store").mkdir(parents=True)
    write_parquet(folder / ".store")
    (folder / "train.parquet").symlink_to(".store/data.parquet")
    assert told(folder) == (["0.wav", "1.wav"], {})


def test_a_folder_of_links_that_lead_out_is_refused_with_their_number_and_names(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    write_parquet(secret)
    (tmp_path / "data").mkdir()
    for number in range(5):
        (tmp_path / "data" / f"{number}.parquet").symlink_to(secret / "data.parquet")
    assert refusal(tmp_path / "data") == (
        f'"{tmp_path / "data"}" should have Parquet files, or one folder per label with audio files '
        "(WAV, FLAC, Ogg, Opus, MP3, m4a, mp4, WebM, CAF, AIFF, AMR, WMA and others), but has neither: "
        "choose another "
        f'folder. Not read: "0.parquet" {OUTSIDE}; "1.parquet" {OUTSIDE}; "2.parquet" {OUTSIDE}; '
        "and 2 more."
    )


def test_everything_that_is_not_a_file_of_the_folder_is_reported_with_its_reason(
    tmp_path: Path,
) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    targets = {
        "zero": "/dev/zero",
        "etc": "/etc",
        "near": "../../data beside/a.wav",
        "circle": "circle.wav",
        "nowhere": "nowhere",
        "up": "../high",
    }
    (tmp_path / "data beside").mkdir()
    (tmp_path / "data beside" / "a.wav").write_bytes(wav_bytes(tone("low")))
    for name, target in targets.items():
        (folder / "low" / f"{name}.wav").symlink_to(target)
    os.mkfifo(folder / "low" / "pipe.wav")
    os.mknod(folder / "low" / "socket.wav", stat.S_IFSOCK | 0o600)
    (folder / "low" / "pipe link.wav").symlink_to("pipe.wav")
    (folder / "elsewhere").symlink_to(tmp_path / "data beside")
    names, left_out = told(folder)
    reasons = {
        "elsewhere": OUTSIDE,
        "low/circle.wav": "is a circular link",
        "low/etc.wav": OUTSIDE,
        "low/near.wav": OUTSIDE,
        "low/nowhere.wav": "is a broken link",
        "low/pipe.wav": "is a pipe, a socket or a device, not a file",
        "low/pipe link.wav": "is a link to a pipe, a socket or a device",
        "low/socket.wav": "is a pipe, a socket or a device, not a file",
        "low/up.wav": "is a link to a folder",
        "low/zero.wav": OUTSIDE,
    }
    assert names == ["high/high-00.wav", "low/low-00.wav"]
    assert left_out == {
        name: f'"{name}" {reason}. Only files inside the data folder are read.'
        for name, reason in reasons.items()
    }


def test_a_readme_outside_the_folder_is_reported_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nconfigs: [{config_name: a, data_files: x}]\n---\n")
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data")
    (tmp_path / "data" / "README.md").symlink_to("../README.md")
    assert told(tmp_path / "data") == (
        ["0.wav", "1.wav"],
        {"README.md": f'"README.md" {OUTSIDE}. Only files inside the data folder are read.'},
    )


def test_the_page_lists_links_that_are_left_out_with_clips_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    (folder / "low" / "away.wav").symlink_to("/etc/passwd")
    (folder / "low" / "empty.wav").touch()
    _, unreadable = measure(open_data(str(folder), ("en-US",)))
    assert [name for name, _ in unreadable] == ["low/away.wav", "low/empty.wav"]


def snapshot(cache: Path, files: dict[str, bytes]) -> Path:
    """A repository in the layout of the Hub cache: each file a link to its blob."""
    repository = cache / "datasets--some--name"
    folder = repository / "snapshots" / "0123abcd"
    (repository / "blobs").mkdir(parents=True)
    for number, (name, content) in enumerate(files.items()):
        (repository / "blobs" / f"blob{number}").write_bytes(content)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (2 + name.count("/"))
        path.symlink_to(f"{up}blobs/blob{number}")
    return folder


def test_a_snapshot_of_the_hub_cache_is_read_through_its_links_to_blobs(tmp_path: Path) -> None:
    parquet = write_parquet(tmp_path).read_bytes()
    readme = b"---\nconfigs: [{config_name: a, data_files: 'd/*'}]\n---\n"
    folder = snapshot(tmp_path / "one", {"README.md": readme, "d/train.parquet": parquet})
    assert told(folder) == (["0.wav", "1.wav"], {})
    assert told(folder / "d") == (["0.wav", "1.wav"], {})

    sounds = {f"{label}/clip.wav": wav_bytes(tone(label)) for label in ("low", "high")}
    folder = snapshot(tmp_path / "two", sounds)
    data = load_data(str(folder))["all"]
    assert list(data["name"]) == ["high/clip.wav", "low/clip.wav"]
    assert [index for index, _ in readable_clips(data, pytest.fail)] == [0, 1]


def test_blobs_shared_by_the_repositories_of_a_hub_cache_are_read(tmp_path: Path) -> None:
    folder = snapshot(tmp_path, {"train.parquet": b""})
    blob = tmp_path / "datasets--some--name" / "blobs" / "blob0"
    shared = tmp_path / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    write_parquet(tmp_path).rename(shared)
    blob.unlink()
    blob.symlink_to(f"../../blobs/ab/{'ab' * 32}")
    assert OUTSIDE in refusal(folder)
    (tmp_path / "blobs" / ".huggingface-shared-blobs").write_text("1")
    assert told(folder) == (["0.wav", "1.wav"], {})


@pytest.mark.parametrize(
    "folder", ["name/snapshots/one", "datasets--a--b/versions/one", "datasets--a--b/snapshots"]
)
def test_blobs_beside_a_folder_that_is_no_snapshot_are_not_followed(
    tmp_path: Path, folder: str
) -> None:
    path = tmp_path / folder
    path.mkdir(parents=True)
    blobs = tmp_path / folder.split("/")[0] / "blobs"
    blobs.mkdir()
    write_parquet(blobs)
    (path / "train.parquet").symlink_to(blobs / "data.parquet")
    assert OUTSIDE in refusal(path)


def test_a_snapshots_link_past_its_blobs_is_not_followed(tmp_path: Path) -> None:
    folder = snapshot(tmp_path, {"train.parquet": b""})
    write_parquet(tmp_path)
    blob = tmp_path / "datasets--some--name" / "blobs" / "blob0"
    blob.unlink()
    blob.symlink_to("../../data.parquet")
    assert OUTSIDE in refusal(folder)


# Nothing else there is opened


def test_zips_scripts_and_other_tables_beside_the_data_are_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_parquet(folder)
    with zipfile.ZipFile(folder / "more.zip", "w") as file:
        file.writestr("a.wav", wav_bytes(tone("low")))
    others = ["data.py", "more.csv", "metadata.jsonl", "dataset_infos.json", "state.json", "a.wav"]
    for name in others:
        (folder / name).write_text("raise SystemExit")
    read, message, opened, asked, _ = watched(folder)
    assert (read, message, asked) == (2, "", [])
    assert not {*others, "more.zip"} & set(opened)


def test_zips_beside_label_folders_are_not_opened(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    with zipfile.ZipFile(folder / "low" / "more.zip", "w") as file:
        file.writestr("a.wav", wav_bytes(tone("low")))
    read, _, opened, _, _ = watched(folder)
    assert read == 2
    assert "more.zip" not in opened


def test_files_with_undecodable_names_are_reported_and_left_out(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    (folder / "low" / os.fsdecode(b"\xff.wav")).write_bytes(wav_bytes(tone("low")))
    names, left_out = told(folder)
    assert names == ["high/high-00.wav", "low/low-00.wav"]
    assert list(left_out) == ["low/\\udcff.wav"]
    odd = tone_folder(tmp_path / os.fsdecode(b"\xfe"), 1)
    assert "should" not in refusal(odd) and refusal(odd).encode()


def test_labels_keep_any_name_that_is_text(tmp_path: Path) -> None:
    labels = {"two\nlines", "x" * 255, "*?[a]", "-rf", "~", "http:"}
    for label in labels:
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "a.wav").write_bytes(wav_bytes(tone("low")))
    data = load_data(str(tmp_path / "data"))
    assert set(summary(data).clips_per_label) == labels
    assert len(list(readable_clips(data["all"], pytest.fail))) == len(labels)


def test_more_files_than_the_bound_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone_folder(tmp_path / "data", 4, ("low", "high"))
    monkeypatch.setattr(data_files, "MAX_FILES", 10)
    assert summary(load_data(str(tmp_path / "data"))).clips == 8
    (tmp_path / "data" / "low" / "more").write_text("")
    assert refusal(tmp_path / "data") == (
        f'A data folder should have at most 10 files, but "{tmp_path / "data"}" has more: choose a '
        "folder with only the data set, or save it as Parquet."
    )


def test_folders_too_deep_are_reported_and_not_listed(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "data", 1, ("low", "high"))
    deep = folder / "low" / "/".join(["a"] * 40)
    deep.mkdir(parents=True)
    (deep / "clip.wav").write_bytes(wav_bytes(tone("low")))
    names, left_out = told(folder)
    assert names == ["high/high-00.wav", "low/low-00.wav"]
    assert [reason for reason in left_out.values() if "is more than 32 folders deep" in reason]


# The cache


def test_a_parquet_file_edited_in_place_is_read_anew(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = write_parquet(folder, label=["a", "b"])
    before = path.stat()
    assert summary(load_data(str(folder))).clips_per_label == {"a": 1, "b": 1}
    write_parquet(folder, label=["a", "c"])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_ino) == (before.st_size, before.st_ino)
    assert summary(load_data(str(folder))).clips_per_label == {"a": 1, "c": 1}


def test_an_unchanged_parquet_file_is_unpacked_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_parquet(folder)
    first = load_data(str(folder))["all"]
    (cached,) = (tmp_path / "cache").rglob("*.arrow")
    written = cached.stat().st_mtime_ns
    second = load_data(str(folder))["all"]
    assert cached.stat().st_mtime_ns == written
    assert second.to_dict() == first.to_dict()
    assert list((tmp_path / "cache").rglob("*.part")) == []
