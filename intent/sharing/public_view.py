"""A run as others may see it: its checkpoint and what it says, with no path of this machine."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from intent.checkpoints.download import DESCRIPTION_FILES, WEIGHT_FILES
from intent.checkpoints.provenance import FILE_NAME as PROVENANCE_FILE
from intent.checkpoints.provenance import Provenance, read_provenance
from intent.checkpoints.resolve import local_folder
from intent.errors import CheckpointError, RunError
from intent.paths import BUNDLED, MINDS14, MINDS14_HUB_ID, SAMPLE
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.store import TRAINING_STATES, state

LOCAL_BASE = "local checkpoint"  # what a folder is called when a recipe goes out
LOCAL_DATA = "local recordings"
MAX_GENERATIONS = 20  # checkpoints made from checkpoints, before a loop of them is suspected


@dataclass(frozen=True)
class Published:
    """What a run says of itself to others; `recipe` and `provenance` name no folder."""

    run_id: str
    recipe: Recipe
    provenance: Provenance
    root: str | None  # the Hub id of the encoder that it all began with, if that is known
    learnt_minds14: bool  # by itself or by a checkpoint that it was made from
    report: dict[str, object]  # as in report.json, folders left out; empty: there is none


def published(run: RunDir) -> Published:
    """Return what a run may say of itself.

    Raises RunError for a run that is training, and for one without a checkpoint of ours.
    """
    if state(run) in TRAINING_STATES:
        raise RunError(
            f"Run {run.id} is training now: wait for its end or stop it, then share what it made."
        )
    provenance = read_provenance(run.model)
    if provenance is None:
        raise RunError(
            f"Run {run.id} has no checkpoint to share: resume it, or choose a finished run."
        )
    recipe = run.recipe()
    root, taught_with = _ancestry(recipe.base)
    return Published(
        run_id=run.id,
        recipe=dataclasses.replace(
            recipe, base=_public_base(recipe.base), data=_public_data(recipe.data)
        ),
        provenance=dataclasses.replace(
            provenance,
            base=root or _public_base(provenance.base),
            data=_public_data(provenance.data),
        ),
        root=root,
        learnt_minds14=bool({MINDS14_HUB_ID, MINDS14} & {recipe.data, *taught_with}),
        report=_report(run, provenance),
    )


@contextmanager
def checkpoint_files(run: RunDir, about: Published) -> Iterator[dict[str, bytes | BinaryIO]]:
    """Yield the files of a run's checkpoint by name: texts as bytes, weights open for reading.

    Open, they stay those of one checkpoint even if the run goes on and puts another in its place.
    Nothing but a stock checkpoint's texts and its safetensors weights is among them.
    """
    provenance = json.dumps(dataclasses.asdict(about.provenance), indent=1).encode()
    with ExitStack() as opened:
        files: dict[str, bytes | BinaryIO] = {}
        for path in sorted(run.model.iterdir()):
            if path.name == PROVENANCE_FILE:
                files[path.name] = provenance
            elif path.name == "config.json":
                files[path.name] = _config(path)
            elif path.name in DESCRIPTION_FILES or path.name.endswith(".index.json"):
                files[path.name] = path.read_bytes()
            elif path.suffix == ".safetensors" and any(map(path.match, WEIGHT_FILES)):
                files[path.name] = opened.enter_context(path.open("rb"))
        yield files


def recipe_file(about: Published) -> bytes:
    """Return the recipe as a file to share."""
    return about.recipe.to_json().encode()


def _ancestry(base: str) -> tuple[str | None, tuple[str, ...]]:
    """The Hub id at the root of a base, and the data that each checkpoint on the way learnt from."""
    taught_with: list[str] = []
    for _ in range(MAX_GENERATIONS):
        try:
            folder = local_folder(base)
        except CheckpointError:  # it was moved or removed since
            return None, tuple(taught_with)
        if folder is None:
            return base, tuple(taught_with)
        provenance = read_provenance(folder)
        if provenance is None:
            return None, tuple(taught_with)
        taught_with.append(provenance.data)
        base = provenance.base
    return None, tuple(taught_with)


def _public_base(base: str) -> str:
    try:
        is_public = base == BUNDLED or local_folder(base) is None
    except CheckpointError:
        is_public = False
    return base if is_public else LOCAL_BASE


def _public_data(data: str) -> str:
    return data if data in (MINDS14_HUB_ID, MINDS14, SAMPLE) else LOCAL_DATA


def _report(run: RunDir, provenance: Provenance) -> dict[str, object]:
    """The report, if it is on the checkpoint that is there: a resumed run may have a newer one."""
    try:
        report = json.loads(run.report_file.read_text(encoding="utf-8"))
        evaluation = report["evaluation"]
        if (evaluation or {}).get("accuracy") != provenance.accuracy:
            return {}
        recipe = report["recipe"]
        recipe |= {"base": _public_base(recipe["base"]), "data": _public_data(recipe["data"])}
        return report
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _config(path: Path) -> bytes:
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    return (json.dumps(config, indent=2) + "\n").encode()
