"""Find checkpoints by name (bundled, a run, a folder or a Hub id), and check their descriptions."""

from dataclasses import dataclass
from pathlib import Path

from intent import paths
from intent.checkpoints.bounds import is_audio_classifier, read_checked_config
from intent.checkpoints.download import EXTRACTOR_FILES, HUB_ID, fetch, no_weights
from intent.checkpoints.files import (
    MAX_JSON_BYTES,
    JsonObject,
    parse_json,
    read_bounded,
    read_object,
    weight_files,
)
from intent.checkpoints.provenance import read_provenance
from intent.errors import CheckpointError
from intent.paths import RUN_ID

MAX_NAME_LENGTH = 1_000  # characters


@dataclass(frozen=True)
class CheckpointInfo:
    """The description of a checkpoint; only our own have an accuracy and an interval."""

    name: str
    labels: tuple[str, ...]  # in the order of their ids
    base: str | None  # the encoder that it was trained from
    accuracy: float | None  # 0..1, on test clips that were never trained on
    interval: tuple[float, float] | None  # 95 %
    window_seconds: float | None  # length of its input window; None: unlimited


def describe(checkpoint: str) -> CheckpointInfo:
    """Describe a checkpoint without its weights; of a Hub id, only JSON files are downloaded.

    Raises CheckpointError if it is not found or is not an audio classifier.
    """
    folder = resolve(checkpoint, weights=False)
    config = read_object(folder / "config.json", shown_name(checkpoint))
    provenance = read_provenance(folder)
    return CheckpointInfo(
        name=checkpoint,
        labels=_labels(config, shown_name(checkpoint)),
        base=provenance.base if provenance else _published_base(config),
        accuracy=provenance.accuracy if provenance else None,
        interval=provenance.interval if provenance else None,
        window_seconds=window_seconds(folder),
    )


def resolve(checkpoint: str, weights: bool = True) -> Path:
    """Return the folder of a checkpoint that a stock audio-classification pipeline can load.

    checkpoint: as in `locate`. Raises CheckpointError if it is not an audio classifier, or has no
    feature extractor or no safetensors weights.
    """
    shown = shown_name(checkpoint)
    folder = locate(checkpoint, weights=False)
    _check_description(folder, shown)
    is_local = local_folder(checkpoint) is not None
    if not weights and not is_local:
        return folder
    folder = folder if is_local else locate(checkpoint)
    if not weight_files(folder, shown):
        raise no_weights(shown)
    return folder


def locate(checkpoint: str, weights: bool = True) -> Path:
    """Return the folder of any checkpoint, bare encoders included, without checking its contents.

    checkpoint: "bundled", the id of a run, a local folder, or a Hub id ("owner/name"), which is
    downloaded, with its weights if `weights`. A name in the form of a Hub id is always one: name a
    local folder of that form by its absolute path. Whether a visitor may use a folder is checked
    earlier (intent/runs/access.py). Raises CheckpointError.
    """
    folder = local_folder(checkpoint)
    return fetch(checkpoint.strip(), shown_name(checkpoint), weights) if folder is None else folder


def window_seconds(folder: Path) -> float | None:
    """Return the length of a checkpoint's input window in seconds; None: unlimited.

    The extractor of Whisper truncates at `chunk_length` seconds, that of the audio spectrogram
    transformer at `max_length` frames of 10 ms; others do not truncate.
    """
    family = read_checked_config(folder, shown_name(str(folder))).get("model_type")
    extractor = _extractor_config(folder)
    if family == "whisper":
        return float(extractor.get("chunk_length", 30))
    if family == "audio-spectrogram-transformer":
        return float(extractor.get("max_length", 1024)) / 100
    return None


def local_folder(checkpoint: str) -> Path | None:
    """Return the local folder of a checkpoint's name, or None for a Hub id."""
    name = checkpoint.strip()
    if not name:
        raise CheckpointError(
            "A checkpoint was expected, but none was named: choose the bundled checkpoint, "
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
        f"{shown_name(name)} is neither a folder here nor a Hub id such as owner/name: "
        "check its spelling, or choose the bundled checkpoint."
    )


def is_hub_id(name: str) -> bool:
    """Return whether a name has the form of a Hub id: "owner/name", or "name" alone."""
    return HUB_ID.fullmatch(name) is not None and ".." not in name and "--" not in name


def run_named_by(name: str) -> str | None:
    """Return the id of the run whose model folder a path names, or None."""
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


def _check_description(folder: Path, shown: str) -> None:
    """Raise CheckpointError unless the JSON files are those of an audio classifier."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    if not (folder / "config.json").is_file():
        raise _not_a_classifier(shown, "it has no config.json")
    config = read_checked_config(folder, shown)
    architectures = config.get("architectures") or ["no architecture"]
    if not set(map(str, architectures)) & set(CLASSIFIERS.values()):
        raise _not_a_classifier(shown, f"its config names {architectures[0]}")
    if not is_audio_classifier(config):
        raise _not_a_classifier(
            shown, f"its config names the model type {config.get('model_type')}"
        )
    if not _extractor_config(folder):
        raise CheckpointError(
            f"{shown} has no feature extractor (preprocessor_config.json): save the one of its "
            "base model beside its weights, or choose another checkpoint."
        )
    _labels(config, shown)


def _labels(config: JsonObject, shown: str) -> tuple[str, ...]:
    """Return the labels in the order of their ids; by default the two of transformers."""
    id2label = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    try:
        labels = {int(i): str(label) for i, label in id2label.items()}
    except (AttributeError, TypeError, ValueError):
        labels = {}
    if not labels or sorted(labels) != list(range(len(labels))):
        raise CheckpointError(
            f"{shown} has a damaged config.json: id2label should number its labels 0, 1, 2 and so "
            "on, but does not. Save it again, or choose another checkpoint."
        )
    return tuple(labels[i] for i in range(len(labels)))


def _extractor_config(folder: Path) -> JsonObject:
    """Return the config of the feature extractor, saved alone or in a processor; empty if missing."""
    for name in EXTRACTOR_FILES:
        try:
            config = parse_json(read_bounded(folder / name, MAX_JSON_BYTES))
            extractor = config.get("feature_extractor", config)
            if extractor.get("sampling_rate"):
                return extractor
        except (OSError, ValueError, AttributeError):
            continue
    return {}


def _published_base(config: JsonObject) -> str | None:
    """Return the Hub id in `_name_or_path`; None for a path on the machine of its author."""
    base = str(config.get("_name_or_path") or "")
    return base if "/" in base and HUB_ID.fullmatch(base) else None


def _not_a_classifier(shown: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{shown} is not an audio-classification checkpoint: {reason}. "
        "Choose a finished run, the bundled checkpoint or another Hub id."
    )


def shown_name(checkpoint: str) -> str:
    """Return the name of a checkpoint for the start of an error."""
    if checkpoint.strip() == paths.BUNDLED:
        return "The bundled checkpoint"
    return f'The checkpoint "{short(checkpoint)}"'


def short(name: str) -> str:
    """Return a name on one line, shortened at its start to 100 characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return line if len(line) <= 100 else f"...{line[-97:]}"
