"""Prepare a run for sharing: its checkpoint, recipe and report, without paths of this machine."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from intent.checkpoints.download import DESCRIPTION_FILES, WEIGHT_FILES
from intent.checkpoints.provenance import FILE_NAME as PROVENANCE_FILE
from intent.checkpoints.provenance import Provenance, read_provenance
from intent.checkpoints.resolve import local_folder
from intent.errors import CheckpointError, RunError
from intent.evaluation.metrics import Accuracy, LabelMetrics
from intent.evaluation.rejection import Rejection
from intent.json_reader import read_json
from intent.paths import BUNDLED, MINDS14, MINDS14_HUB_ID, SAMPLE
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.store import TRAINING_STATES, state

LOCAL_BASE = "local checkpoint"  # stands for a folder in a shared recipe
LOCAL_DATA = "local recordings"
Files = dict[str, bytes | BufferedReader]  # content by name, weights open for reading
MAX_GENERATIONS = 20  # depth of checkpoints trained from checkpoints; more must be a loop


@dataclass(frozen=True)
class Results:
    """The results on the test clips; runs of earlier versions lack some of them."""

    accuracy: float | None = None  # 0..1
    clips: int = 0
    ece: float | None = None  # expected calibration error, 0..1
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()  # rows are true labels, columns predicted labels
    per_intent: dict[str, LabelMetrics] = field(default_factory=dict)
    per_locale: dict[str, Accuracy] = field(default_factory=dict)
    rejection: Rejection | None = None  # None: without a reject label


@dataclass(frozen=True)
class PublicReport:
    """The content of report.json, as far as the model card shows it."""

    outcome: str
    seconds: float  # of training
    train_clips: int
    evaluation: Results | None
    speech_part: bool = False  # tested on the parts with speech; earlier versions: whole recordings


@dataclass(frozen=True)
class PublicRun:
    """What is shared of a run; `recipe`, `provenance` and `report` contain no folder."""

    run_id: str
    recipe: Recipe
    provenance: Provenance
    root: str | None  # Hub id of the original encoder, if known
    trained_on_minds14: bool  # in this run or in a checkpoint that it started from
    report: PublicReport | None
    report_json: bytes  # of report.json; empty if `report` is None

    @property
    def results(self) -> Results:
        """The results on the test clips; empty without test clips or report."""
        return (self.report and self.report.evaluation) or Results()


def public_run(run: RunDir) -> PublicRun:
    """Return what is shared of a run.

    Raises RunError if the run is training, or has no checkpoint with a provenance.
    """
    if state(run) in TRAINING_STATES:
        raise RunError(
            f"Run {run.id} is still training: wait until it ends, or stop it, then share it."
        )
    provenance = read_provenance(run.model)
    if provenance is None:
        raise RunError(
            f"Run {run.id} has no checkpoint to share: resume it, or choose a finished run."
        )
    recipe, (report, report_json) = run.recipe(), _report(run, provenance)
    root, earlier_data = _ancestry(recipe.base)
    return PublicRun(
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
        trained_on_minds14=bool({MINDS14_HUB_ID, MINDS14} & {recipe.data, *earlier_data}),
        report=report,
        report_json=report_json,
    )


@contextmanager
def checkpoint_files(run: RunDir, public: PublicRun) -> Iterator[Files]:
    """Yield the files of a run's checkpoint by name: texts as bytes, weights as open files.

    All open files belong to one checkpoint, even if the run resumes and replaces it meanwhile. Only
    the texts and the safetensors weights of a stock checkpoint are included.
    """
    provenance = json.dumps(dataclasses.asdict(public.provenance), indent=1).encode()
    with ExitStack() as opened:
        files: Files = {}
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


def recipe_file(public: PublicRun) -> bytes:
    """Return the content of the recipe.json to share."""
    return public.recipe.to_json().encode()


def _ancestry(base: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the Hub id of the original encoder of a base, and the data of each training since."""
    data: list[str] = []
    for _ in range(MAX_GENERATIONS):
        try:
            folder = local_folder(base)
        except CheckpointError:  # moved or removed since
            return None, tuple(data)
        if folder is None:
            return base, tuple(data)
        provenance = read_provenance(folder)
        if provenance is None:
            return None, tuple(data)
        data.append(provenance.data)
        base = provenance.base
    return None, tuple(data)


def _public_base(base: str) -> str:
    try:
        is_public = base == BUNDLED or local_folder(base) is None
    except CheckpointError:
        is_public = False
    return base if is_public else LOCAL_BASE


def _public_data(data: str) -> str:
    return data if data in (MINDS14_HUB_ID, MINDS14, SAMPLE) else LOCAL_DATA


def _report(run: RunDir, provenance: Provenance) -> tuple[PublicReport | None, bytes]:
    """Return the report and its JSON if it is on this checkpoint: a resumed run may have a newer one."""
    try:
        text = run.report_file.read_bytes()
        report, whole = read_json(PublicReport, text, extra="ignore"), json.loads(text)
        recipe = whole["recipe"]
        recipe |= {"base": _public_base(recipe["base"]), "data": _public_data(recipe["data"])}
    except (OSError, ValueError, TypeError, KeyError):
        return None, b""
    if (report.evaluation or Results()).accuracy != provenance.accuracy:
        return None, b""
    return report, json.dumps(whole, indent=1).encode()


def _config(path: Path) -> bytes:
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    return (json.dumps(config, indent=2) + "\n").encode()
