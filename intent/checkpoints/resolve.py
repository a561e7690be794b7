"""Find checkpoints by name (bundled, a run, a folder or a Hub id), and describe them."""

import re
from dataclasses import dataclass
from pathlib import Path

from intent import paths
from intent.checkpoints.bounds import read_checked_config
from intent.checkpoints.description import (
    MULTI_LABEL,
    check_description,
    extractor_config,
    labels_of,
    reject_label_of,
)
from intent.checkpoints.download import HUB_ID, fetch, no_weights
from intent.checkpoints.files import JsonObject, read_object, weight_files
from intent.checkpoints.provenance import read_provenance
from intent.errors import CheckpointError
from intent.paths import RUN_ID

MAX_NAME_LENGTH = 1_000  # characters

# The address of a model's page, as copied from a browser; another revision than main is not used.
HUB_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/"
    r"(?!(?:datasets|spaces|docs|papers|collections)/)(?P<id>[^/?#\s]+/[^/?#\s]+)"
    r"(?:/(?:tree|blob|resolve)/main(?:/[^?#\s]*)?)?/?(?:[?#]\S*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CheckpointInfo:
    """The description of a checkpoint; only our own have an accuracy and an interval."""

    name: str
    labels: tuple[str, ...]  # in the order of their ids
    base: str | None  # the encoder that it was trained from
    accuracy: float | None  # 0..1, on test clips that were never trained on
    interval: tuple[float, float] | None  # 95 %
    window_seconds: float | None  # length of its input window; None: unlimited
    multi_label: bool = False  # each label has a score of its own; they do not add up to 1
    reject_label: str | None = None  # the label that means "none of the intents"
    own_words: float | None = None  # 0..1, accuracy on the exam "own-words"


def describe(checkpoint: str) -> CheckpointInfo:
    """Describe a checkpoint without its weights; of a Hub id, only JSON files are downloaded.

    Raises CheckpointError if it is not found or is not an audio classifier.
    """
    folder = resolve(checkpoint, weights=False)
    config = read_object(folder / "config.json", shown_name(checkpoint))
    provenance = read_provenance(folder)
    return CheckpointInfo(
        name=checkpoint,
        labels=labels_of(config, shown_name(checkpoint)),
        base=provenance.base if provenance else _published_base(config),
        accuracy=provenance.accuracy if provenance else None,
        interval=provenance.interval if provenance else None,
        window_seconds=window_seconds(folder),
        multi_label=config.get("problem_type") == MULTI_LABEL,
        reject_label=reject_label_of(config, shown_name(checkpoint)),
        own_words=provenance.own_words if provenance else None,
    )


def resolve(checkpoint: str, weights: bool = True) -> Path:
    """Return the folder of a checkpoint that a stock audio-classification pipeline can load.

    checkpoint: as in `locate`. Raises CheckpointError if it is not an audio classifier, or has no
    feature extractor or no safetensors weights.
    """
    shown = shown_name(checkpoint)
    folder = locate(checkpoint, weights=False)
    check_description(folder, shown)
    is_local = local_folder(checkpoint) is not None
    if not weights and not is_local:
        return folder
    folder = folder if is_local else locate(checkpoint)
    if not weight_files(folder, shown):
        raise no_weights(shown)
    return folder


def locate(checkpoint: str, weights: bool = True) -> Path:
    """Return the folder of any checkpoint, including encoders, without checking its contents.

    checkpoint: "bundled", the id of a run, a local folder, or a Hub id ("owner/name", or the
    address of its page), which is downloaded, with its weights if `weights`. A name of the form
    owner/name is always a Hub id: use an absolute path for such a local folder. Whether a visitor
    may use a folder is checked earlier (intent/runs/access.py). Raises CheckpointError.
    """
    name = plain_name(checkpoint)
    folder = local_folder(name)
    return fetch(name, shown_name(name), weights) if folder is None else folder


def window_seconds(folder: Path) -> float | None:
    """Return the length of a checkpoint's input window in seconds; None: unlimited.

    The extractor of Whisper truncates at `chunk_length` seconds, that of the audio spectrogram
    transformer at `max_length` frames of 10 ms; others do not truncate.
    """
    family = read_checked_config(folder, shown_name(str(folder))).get("model_type")
    extractor = extractor_config(folder)
    if family == "whisper":
        return float(extractor.get("chunk_length", 30))
    if family == "audio-spectrogram-transformer":
        return float(extractor.get("max_length", 1024)) / 100
    return None


def local_folder(checkpoint: str) -> Path | None:
    """Return the local folder of a checkpoint's name, or None for a Hub id."""
    name = plain_name(checkpoint)
    if not name:
        raise CheckpointError(
            "A checkpoint was expected, but none was given: choose the bundled checkpoint, "
            "a folder or a Hub id such as owner/name."
        )
    if name == paths.BUNDLED:
        return _bundled_folder()
    if RUN_ID.fullmatch(name):
        return _folder_of_run(name)
    if is_hub_id(name):
        return None
    folder = existing_folder(name)
    if folder is not None:
        return folder
    raise CheckpointError(
        f"{shown_name(name)} is neither an existing folder nor a Hub id such as owner/name: "
        "check its spelling, or choose the bundled checkpoint."
    )


def plain_name(checkpoint: str) -> str:
    """Return a checkpoint's name as it is stored; the address of a Hub page becomes its id."""
    name = checkpoint.strip()
    page = HUB_PAGE.fullmatch(name) if len(name) <= MAX_NAME_LENGTH else None
    return page["id"] if page and is_hub_id(page["id"]) else name


def is_hub_id(name: str) -> bool:
    """Return whether a name has the form of a Hub id: "owner/name", or "name" alone."""
    return HUB_ID.fullmatch(name) is not None and ".." not in name and "--" not in name


def run_named_by(name: str) -> str | None:
    """Return the id of the run whose model folder this path is, or None."""
    path = Path(name)
    is_model = path.name == "model" and path.parent.parent == paths.runs_dir()
    return path.parent.name if is_model and RUN_ID.fullmatch(path.parent.name) else None


def _folder_of_run(run_id: str) -> Path:
    model = paths.runs_dir() / run_id / "model"
    if not model.is_dir():
        raise CheckpointError(
            f"The run {run_id} has no checkpoint: choose a finished run, or the bundled checkpoint."
        )
    return model


def _bundled_folder() -> Path:
    if not (paths.BUNDLED_CHECKPOINT / "config.json").is_file():
        raise CheckpointError(
            "The bundled checkpoint is missing from assets/checkpoint: download the project again, or "
            "choose another checkpoint."
        )
    return paths.BUNDLED_CHECKPOINT


def existing_folder(name: str) -> Path | None:
    """Return the absolute path of an existing folder, or None."""
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        return None
    try:
        folder = Path(name).expanduser().resolve()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # name too long, circular link, no home
        return None


def _published_base(config: JsonObject) -> str | None:
    """Return the Hub id in `_name_or_path`; None for a path on the author's machine."""
    base = str(config.get("_name_or_path") or "")
    return base if "/" in base and HUB_ID.fullmatch(base) else None


def shown_name(checkpoint: str) -> str:
    """Return the name of a checkpoint for the start of an error."""
    if checkpoint.strip() == paths.BUNDLED:
        return "The bundled checkpoint"
    return f'The checkpoint "{short(checkpoint)}"'


def short(name: str) -> str:
    """Return a name on one line, shortened at its start to 100 characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return line if len(line) <= 100 else f"...{line[-97:]}"
