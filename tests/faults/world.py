"""A world in which runs are killed: tiny bases, tones, and how each recipe ends undisturbed."""

import dataclasses
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from intent.jobs.processes import prepare_worker
from intent.jobs.queue import enqueue
from intent.recipes import Recipe, change, preset
from intent.runs.directory import RunDir, history_of
from intent.runs.live import holder
from intent.runs.store import TRAINING_STATES, check_resumable, create_run, state
from tests.faults import processes
from tests.faults.points import Point, Undisturbed
from tests.tiny import tiny_whisper, tone, tone_folder, wav_bytes
from tests.waiting import wait_for

wait_until = partial(wait_for, patience=300)  # seconds: far above what anything here takes
FINE_TUNE = {
    "method": "fine-tune",
    "head": "closed-form",
    "trainable_layers": 1,
    "batch_size": 4,
    "accumulation_steps": 2,
    "epochs": 2,
    "learning_rate": 1e-3,
}
RECIPES = {
    "fine-tune": ("recommended", FINE_TUNE),
    "leave-one-out": ("recommended", {"epochs": 6, "batch_size": 32}),
    "closed-form": ("instant", {}),
}


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
        return {
            "INTENT_CACHE": str(self.folder / "cache"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "HF_HOME": str(self.folder / "hub"),
        }

    def start_app(self, point: Point | None = None) -> BaseProcess:
        """Start a process that begins what is queued."""
        process = get_context("forkserver").Process(
            target=processes.app, args=(self.runs, self.environment(), point)
        )
        process.start()
        return process


def build_world(folder: Path) -> World:
    """Write bases and tones, and see how each recipe goes when nobody disturbs it."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    prepare_worker()
    base, tones = tiny_whisper(folder / "base"), tone_folder(folder / "tones", 7)
    _mislabel(tones)
    # Tones are so alike to a tiny base that half precision decides between them: float32 on every
    # machine, as stock pipeline answers.
    values = {"base": str(base), "data": str(tones), "window_seconds": 2, "mixed_precision": False}
    recipes = {
        name: change(preset(of), {**values, **changes}) for name, (of, changes) in RECIPES.items()
    }
    world = World(folder, recipes)
    world.runs.mkdir()
    for name in recipes:
        world.undisturbed[name] = _undisturbed(world, name)
    return world


def kill_at(world: World, point: Point) -> RunDir:
    """Start a run, kill the processes of a point, and return the run when nothing trains."""
    run = create_run(world.runs, world.recipes[point.recipe])
    enqueue(run)
    process = world.start_app(point)
    try:
        if point.operation is None:
            wait_until(lambda: _is_due(run, point) or _ended(run))
            time.sleep(point.delay)  # not a wait: the moment of death
            if point.victim in ("app", "both"):
                process.kill()
            if point.victim in ("training", "both"):
                _kill_training(run)
        wait_until(lambda: _is_still(run, process))
        if state(run) == "queued":  # the app was killed before it began the run: another one does
            process.join()
            process = world.start_app()
            wait_until(lambda: _ended(run))
    finally:
        process.kill()
        process.join()
    return run


def resume(world: World, run: RunDir) -> None:
    """Let another app go on with an interrupted run, to its end."""
    check_resumable(run)
    enqueue(run)
    process = world.start_app()
    try:
        wait_until(lambda: _ended(run))
    finally:
        process.kill()
        process.join()


def _mislabel(tones: Path) -> None:
    """Add mislabeled clips, so that checkpoints differ in accuracy."""
    for label, other in (("low", "middle"), ("middle", "high"), ("high", "low")):
        for seed in range(20, 24):
            (tones / label / f"{other}-{seed}.wav").write_bytes(wav_bytes(tone(other, seed)))


def _undisturbed(world: World, name: str) -> Undisturbed:
    run = create_run(world.runs, world.recipes[name])
    enqueue(run)
    context = get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=processes.undisturbed, args=(run, world.environment(), theirs))
    process.start()
    theirs.close()
    assert ours.recv() is None  # it has begun
    operations = ours.recv()
    process.join()
    assert state(run) == "done", history_of(run).end
    return Undisturbed(tuple(run.events()), tuple(operations))


def _is_due(run: RunDir, point: Point) -> bool:
    """Whether the run is where the point is, and whoever is to be killed lives."""
    there = point.victim == "app" or state(run) == "running"
    return there and history_of(run).count >= point.events


def _is_still(run: RunDir, app: BaseProcess) -> bool:
    """Whether nobody trains the run and nobody is about to."""
    now = state(run)
    return now not in TRAINING_STATES and not (now == "queued" and app.is_alive())


def _ended(run: RunDir) -> bool:
    return state(run) in ("done", "failed", "interrupted")


def _kill_training(run: RunDir) -> None:
    run_id, process = holder(run.path.parent)
    if run_id == run.id and process and state(run) in TRAINING_STATES:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
