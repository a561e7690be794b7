"""Data sets in a local folder: Parquet in the Hub's layout, or one folder of audio per label."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from intent.columns import Part
from intent.errors import DataError
from intent.quiet import lock_bars
from intent.storage import storage_problem

if TYPE_CHECKING:
    from datasets import Dataset

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".webm")
GLOB_CHARACTERS = re.compile(r"[*?\[]")  # `datasets` takes a path that holds one as a pattern
LOCALE_NAME = re.compile(r"[a-z]{2,3}-[A-Z]{2}")


def folder_parts(folder: Path, locales: Sequence[str]) -> list[Part]:
    """Return what a folder holds, whichever of the layouts it has.

    `locales` chooses among a folder's locales, and says nothing about a folder that has none.
    Raises DataError, in one sentence, for a folder that is missing or holds no data set.
    """
    try:
        if not folder.is_dir():
            found = "a file" if folder.exists() else "nothing"
            raise DataError(
                f'A folder was expected at "{folder}", but there is {found}: check the path.'
            )
        if any(path.suffix == ".parquet" for path in _files(folder)):
            return _parquet_parts(folder, locales)
        return _label_folder_parts(folder)
    except OSError as error:
        raise DataError(
            f'The folder "{folder}" could not be opened ({error.strerror or error}): check its '
            "path, and that you may read it."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the progress bars of `datasets`, which would cut through those of the caller."""
    import datasets

    lock_bars()
    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def _parquet_parts(folder: Path, locales: Sequence[str]) -> list[Part]:
    if GLOB_CHARACTERS.search(str(folder.resolve())):
        raise DataError(
            f'The path of a Parquet data set should be free of * ? and [, but is "{folder}": '
            "rename the folder."
        )
    configs = _configs(folder)
    folders = {path.name: path for path in _subfolders(folder) if any(_files(path))}
    known = sorted(name for name in {*configs, *folders} if LOCALE_NAME.fullmatch(name))
    if not known:
        name = None if "default" in configs or len(configs) != 1 else configs[0]
        return _load(folder, name, "")
    missing = [locale for locale in locales if locale not in known]
    if missing:
        raise DataError(
            f'There is no locale "{missing[0]}" in "{folder}", which has {", ".join(known)}: '
            "choose among these."
        )
    parts = []
    for locale in locales:
        in_config = locale in configs
        source = folder if in_config else folders[locale]
        parts.extend(_load(source, locale if in_config else None, locale))
    return parts


def _configs(folder: Path) -> list[str]:
    """The names of the subsets that the folder's README declares; none without one."""
    import datasets

    if not (folder / "README.md").is_file():
        return []
    try:
        return list(datasets.get_dataset_config_names(str(folder.resolve())))
    except Exception as error:  # a wrong README makes it raise nearly anything
        raise _unreadable(folder, error) from error


def _load(folder: Path, config: str | None, locale: str) -> list[Part]:
    import datasets

    try:
        with quiet():
            # an absolute path: a relative one could be taken for a data set on the Hub
            splits = datasets.load_dataset(str(folder.resolve()), config)
    except Exception as error:  # damaged files make it raise nearly anything
        raise _unreadable(folder, error) from error
    return [Part(dataset, str(split), locale) for split, dataset in splits.items()]


def _unreadable(folder: Path, error: BaseException) -> DataError:
    if problem := storage_problem(error):
        return DataError(f'The data set in "{folder}" could not be read. {problem}')
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    reason = " ".join(str(cause).split()) or type(cause).__name__
    return DataError(
        f'The data set in "{folder}" could not be read ({reason[:200]}): check that its Parquet '
        "files are whole and alike, and that the disk has space."
    )


def _label_folder_parts(folder: Path) -> list[Part]:
    splits = {path.name: path for path in _subfolders(folder)}
    divided = bool(splits) and set(splits) <= {"train", "test"} and all(
        any(_clips(folder, label) for label in _subfolders(split)) for split in splits.values()
    )
    levels = splits if divided else {"all": folder}
    found = [
        (split, label.name, clip)
        for split, level in sorted(levels.items())
        for label in _subfolders(level)
        for clip in _clips(folder, label)
    ]
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in AUDIO_SUFFIXES)
        raise DataError(
            f'"{folder}" should hold Parquet files, or one folder per label with audio files '
            f"({kinds}), but holds no such file: choose another folder."
        )
    return [
        Part(_file_dataset(folder, [(label, clip) for s, label, clip in found if s == split]), split)
        for split in dict.fromkeys(split for split, _, _ in found)
    ]


def _file_dataset(folder: Path, clips: list[tuple[str, Path]]) -> "Dataset":
    """Rows that point to the files; their bytes stay on the disk."""
    import datasets

    root = folder.resolve()
    columns = {
        "audio": [
            {"bytes": None, "path": str(root / path.relative_to(folder))} for _, path in clips
        ],
        "label": [label for label, _ in clips],
        "name": [path.relative_to(folder).as_posix() for _, path in clips],
    }
    features = datasets.Features(
        {
            # not Audio: to put rows into one, `datasets` asks for torchcodec
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "label": datasets.Value("string"),
            "name": datasets.Value("string"),
        }
    )
    return datasets.Dataset.from_dict(columns, features=features)


def _clips(root: Path, folder: Path) -> list[Path]:
    """The audio files under a folder, sorted, without links that lead out of the data set."""
    inside = root.resolve()
    return [
        path
        for path in _files(folder)
        if path.suffix.lower() in AUDIO_SUFFIXES and path.resolve().is_relative_to(inside)
    ]


def _files(folder: Path) -> Iterator[Path]:
    """Regular files under a folder, in sorted order; hidden ones and linked folders left out."""
    for parent, names, files in os.walk(folder, followlinks=False):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _subfolders(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
    )
