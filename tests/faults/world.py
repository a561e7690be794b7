"""A world in which runs are killed: tiny bases, tones, and how each recipe ends undisturbed."""

import dataclasses
import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from intent.events import Event, History, Saved
from intent.provenance import read_provenance
from intent.queue import enqueue
from intent.recipes import Recipe, change, preset
from intent.rundir import RunDir, history_of
from intent.runs import create_run, list_runs, open_run, prepare_worker, resume_run, state
from intent.worker import holder
from tests.faults.processes import app
from tests.tiny import tiny_whisper, tone_folder

PATIENCE = 300  # seconds: far above what anything here takes, so that a hang ends
VICTIMS = ("training", "app", "both")
FINE_TUNE = {"method": "fine-tune", "head": "closed-form", "trainable_layers": 1, "batch_size": 4,
             "accumulation_steps": 2, "epochs": 2, "learning_rate": 1e-3}  # fmt: skip
RECIPES = {
    "fine-tune": ("recommended", FINE_TUNE),
    "leave-one-out": ("recommended", {"epochs": 6, "batch_size": 16}),
    "closed-form": ("instant", {}),
}


@dataclass(frozen=True)
class Point:
    """When who is killed: ahead of an operation on files, or a moment after so many events."""

    recipe: str
    victim: str
    operation: int | None
    events: int
    delay: float  # seconds


@dataclass(frozen=True)
class Undisturbed:
    """How a recipe goes when nobody disturbs it."""

    history: History
    saved: tuple[float, ...]  # the accuracies that were announced, in order
    operations: int  # on the files of its run


@dataclass
class World:
    """The folders, recipes and expectations of one series of faults."""

    folder: Path
    recipes: dict[str, Recipe]
    undisturbed: dict[str, Undisturbed] = dataclasses.field(default_factory=dict)

    @property
    def runs(self) -> Path:
        """The runs folder."""
        return self.folder / "runs"

    def environment(self) -> dict[str, str]:
        """Return what the processes of this world find in their environment."""
        return {"INTENT_CACHE": str(self.folder / "cache"), "HF_HUB_OFFLINE": "1",
                "OMP_NUM_THREADS": "1", "HF_HOME": str(self.folder / "hub")}  # fmt: skip

    def start_app(self, fatal_operation: int | None = None) -> BaseProcess:
        """Start a process that begins what is queued."""
        process = get_context("forkserver").Process(
            target=app, args=(self.runs, self.environment(), fatal_operation)
        )
        process.start()
        return process


def build_world(folder: Path) -> World:
    """Write bases and tones, and see how each recipe goes when nobody disturbs it."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    prepare_worker()
    base, tones = tiny_whisper(folder / "base"), tone_folder(folder / "tones", 7)
    values = {"base": str(base), "data": str(tones), "window_seconds": 2}
    recipes = {
        name: change(preset(of), {**values, **changes}) for name, (of, changes) in RECIPES.items()
    }
    world = World(folder, recipes)
    world.runs.mkdir()
    for name in recipes:
        world.undisturbed[name] = _undisturbed(world, name)
    return world


def draw_points(world: World, count: int, seed: int) -> list[Point]:
    """Draw kill points: half ahead of operations on files, half at moments; all recipes, victims."""
    rng, points = random.Random(seed), []
    for number in range(count):
        recipe = list(RECIPES)[number % len(RECIPES)]
        expected = world.undisturbed[recipe]
        operation = rng.randint(1, expected.operations) if number % 2 else None
        victim = "training" if operation else VICTIMS[number // 2 % len(VICTIMS)]
        events = rng.randint(0, expected.history.count)
        points.append(Point(recipe, victim, operation, events, rng.uniform(0, 0.05)))
    return points


def kill_at(world: World, point: Point) -> RunDir:
    """Start a run, kill whom the point says when it says, and return the run when all is still."""
    run = create_run(world.runs, world.recipes[point.recipe])
    enqueue(run)
    process = world.start_app(point.operation)
    try:
        if point.operation is not None:
            wait_until(lambda: state(run) not in ("queued", "running", "stopping"))
        else:
            wait_until(lambda: _count(run) >= point.events or _ended(run))
            time.sleep(point.delay)  # not a wait: the moment of death
            if point.victim in ("app", "both"):
                process.kill()
            if point.victim in ("training", "both"):
                _kill_training(run)
        wait_until(lambda: state(run) not in ("running", "stopping"))
        if state(run) == "queued":  # the app was killed before it began the run: another one does
            process.kill()
            process.join()
            process = world.start_app()
            wait_until(lambda: _ended(run))
    finally:
        process.kill()
        process.join()
    return run


def resume(world: World, run: RunDir) -> None:
    """Let another app go on with an interrupted run, to its end."""
    process = world.start_app()
    try:
        if state(run) not in ("queued", "done"):
            resume_run(run)
        wait_until(lambda: _ended(run))
    finally:
        process.kill()
        process.join()


def what_is_lost(world: World, run: RunDir, point: Point) -> str | None:
    """Return what a kill has cost that it must not, in words; None where nothing is lost."""
    if run not in list_runs(world.runs) or open_run(world.runs, run.id) != run:
        return "the run is not in its folder any more"
    if run.recipe() != world.recipes[point.recipe]:
        return "its recipe is another one"
    now, history = state(run), history_of(run)
    if now not in ("interrupted", "done"):
        return f"its state is {now!r}: {history.end}"
    announced = history.saved.accuracy if history.saved else None
    if announced is None and not run.model.exists():
        return None
    if not run.model.is_dir():
        return f"no checkpoint is there, but {announced} was announced"
    return _checkpoint_fault(world, run, point, announced)


def _checkpoint_fault(
    world: World, run: RunDir, point: Point, announced: float | None
) -> str | None:
    score, own = stock_accuracy(world, run, point), read_provenance(run.model).accuracy
    if abs(score - own) > 1e-9:
        return f"the checkpoint says {own} of itself, stock pipeline gives {score}"
    saved = world.undisturbed[point.recipe].saved
    happened = [event for event in run.events() if isinstance(event, Saved)]
    # Killed between the move into place and the word of it, a run has the one after.
    allowed = {announced, *saved[len(happened) : len(happened) + 1]}
    return None if own in allowed else f"{announced} was announced, the checkpoint scores {own}"


def stock_accuracy(world: World, run: RunDir, point: Point) -> float:
    """Return what stock pipeline scores with a run's checkpoint on the run's test part."""
    from transformers import pipeline

    from intent.audio import resample
    from intent.data import label_names, load_data, readable_clips, split

    recipe = world.recipes[point.recipe]
    test = split(load_data(recipe.data, recipe.locales), recipe.seed, recipe.test_share)["test"]
    classify, labels = pipeline("audio-classification", model=str(run.model)), label_names(test)
    answers = []
    for index, clip in readable_clips(test, lambda *skip: None):
        best = classify(resample(clip, 16000).samples)[0]["label"]
        answers.append(best == labels[test[index]["label"]])
    return sum(answers) / len(answers)


def curve_fault(history: History, expected: History) -> str | None:
    """Return where the curves of a run differ from those of an undisturbed one, or None."""
    for name in ("train", "evaluations"):
        found = [_numbers(point) for point in getattr(history, name)]
        wanted = [_numbers(point) for point in getattr(expected, name)]
        if [at for at, _ in found] != [at for at, _ in wanted]:
            return f"{name} at {[at for at, _ in found]}, wanted {[at for at, _ in wanted]}"
        for (at, values), (_, others) in zip(found, wanted, strict=True):
            if any(abs(a - b) > 1e-5 for a, b in zip(values, others, strict=True)):
                return f"{name} at {at}: {values}, wanted {others}"
    return None


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail after a long while."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.002)


def _undisturbed(world: World, name: str) -> Undisturbed:
    run = create_run(world.runs, world.recipes[name])
    with get_context("forkserver").Pool(1) as pool:
        operations = pool.apply(_count_operations, (run, world.environment()))
    assert state(run) == "done", history_of(run).end
    saved = tuple(event.accuracy for event in run.events() if isinstance(event, Saved))
    return Undisturbed(history_of(run), saved, operations)


def _count_operations(run: RunDir, environment: dict[str, str]) -> int:
    from intent.worker import work
    from tests.faults.processes import count_operations

    os.environ.update(environment)
    names: list[str] = []
    count_operations(run, names)
    work(run)
    return len(names)


def _numbers(point: Event) -> tuple[object, tuple[float, ...]]:
    values = json.loads(json.dumps(dataclasses.asdict(point)))
    at = values.get("clips") if values.get("step") is None else values["step"]
    return at, tuple(values[name] for name in ("loss", "accuracy"))


def _count(run: RunDir) -> int:
    return history_of(run).count


def _ended(run: RunDir) -> bool:
    return state(run) in ("done", "failed", "interrupted")


def _kill_training(run: RunDir) -> None:
    run_id, process = holder(run)
    if run_id == run.id and process and state(run) in ("running", "stopping"):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
