"""Check the description of a checkpoint: its config.json and its feature extractor."""

import itertools
import os
import re
import reprlib
from pathlib import Path
from typing import Literal

from intent.checkpoints.bounds import EXTRACTOR_FILES, is_audio_classifier, read_checked_config
from intent.checkpoints.config_values import short
from intent.checkpoints.files import MAX_JSON_BYTES, JsonObject, parse_json, read_bounded
from intent.errors import CheckpointError

MAX_NAMED = 5  # checkpoints in one error
MAX_LOOKED_AT = 1_000  # entries of a folder that may hold checkpoints

# values of problem_type
REGRESSION, MULTI_LABEL = "regression", "multi_label_classification"
SINGLE_LABEL: Literal["single_label_classification"] = "single_label_classification"

MULTI_LABEL_SCORES = "Each label has its own score; the scores need not add up to 100 %."


def check_description(folder: Path, shown: str) -> None:
    """Raise CheckpointError unless the JSON files are those of an audio classifier."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    check_has_config(folder, shown)
    if not (folder / "config.json").is_file():
        raise _not_a_classifier(shown, "it has no config.json")
    config = read_checked_config(folder, shown)
    architectures = config.get("architectures") or ["missing"]
    if not set(map(str, architectures)) & set(CLASSIFIERS.values()):
        raise _not_a_classifier(shown, f"its architecture is {architectures[0]}")
    if not is_audio_classifier(config):
        raise _not_a_classifier(shown, f"its model type is {config.get('model_type')}")
    check_has_extractor(folder, shown)
    _check_scores(config, shown)


def check_has_config(folder: Path, shown: str) -> None:
    """Raise CheckpointError for a folder that only contains checkpoints, such as Trainer's output."""
    if os.path.lexists(folder / "config.json") or not (held := _checkpoints_in(folder)):
        return
    names = [short(name) for name in held[:MAX_NAMED]]
    if len(held) > MAX_NAMED:
        names[-1] = f"{len(held) - MAX_NAMED + 1} others"
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    ask = "choose one of these" if len(names) > 1 else "choose that one"
    raise CheckpointError(
        f"{shown} is a folder of checkpoints, not a checkpoint. It contains {listed}: {ask}."
    )


def check_has_extractor(folder: Path, shown: str) -> None:
    """Raise CheckpointError for a checkpoint without a feature extractor."""
    if not extractor_config(folder):
        raise CheckpointError(
            f"{shown} has no feature extractor (preprocessor_config.json): copy that file from its "
            "base model, or choose another checkpoint."
        )


def _check_scores(config: JsonObject, shown: str) -> None:
    """Raise CheckpointError for a checkpoint whose outputs are not scores of labels."""
    if config.get("problem_type") == REGRESSION:
        raise CheckpointError(
            f"{shown} was trained to predict numbers (problem_type regression), so its outputs are "
            "not scores from 0 to 1: choose another checkpoint. If it was trained as a classifier, "
            "set problem_type to single_label_classification in its config.json."
        )
    labels = labels_of(config, shown)
    reject_label_of(config, shown)
    if len(labels) == 1 and config.get("problem_type") != MULTI_LABEL:
        raise CheckpointError(
            f"{shown} has only the label {short(labels[0])}, so its score is 1 for any recording: "
            "choose a checkpoint with at least two labels."
        )


def _checkpoints_in(folder: Path) -> list[str]:
    """Return the names of the subfolders that have a config.json, as Trainer numbers them."""
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in itertools.islice(entries, MAX_LOOKED_AT)
                if os.path.isfile(os.path.join(entry.path, "config.json"))
            ]
    except OSError:
        return []
    return sorted(names, key=lambda name: [int(n) for n in re.findall(r"[0-9]{1,18}", name)] or [0])


def labels_of(config: JsonObject, shown: str) -> tuple[str, ...]:
    """Return the labels in the order of their ids; by default the two labels of transformers."""
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


def reject_label_of(config: JsonObject, shown: str) -> str | None:
    """Return the label that means "none of the intents"; None if the checkpoint has none.

    Raises CheckpointError for anything but one of its labels.
    """
    value = config.get("reject_label")
    if value is None:
        return None
    if isinstance(value, str) and value in labels_of(config, shown):
        return value
    raise CheckpointError(
        f"{shown} has a damaged config.json: reject_label should be one of its labels, but is "
        f"{reprlib.repr(value)}. Correct or remove it, or choose another checkpoint."
    )


def extractor_config(folder: Path) -> JsonObject:
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


def _not_a_classifier(shown: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{shown} is not an audio-classification checkpoint: {reason}. "
        "Choose a finished run, the bundled checkpoint or another Hub id."
    )
