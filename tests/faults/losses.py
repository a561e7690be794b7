"""What a kill must not lose: the run, its checkpoint, and the curves of the resumed run."""

import dataclasses
import json

from intent.checkpoints.provenance import read_provenance
from intent.runs.directory import RunDir, history_of
from intent.runs.events import Event, History, Saved
from intent.runs.store import list_runs, open_run, state
from tests.faults.points import Point
from tests.faults.world import World


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

    from intent.audio.clip import resample
    from intent.data.dataset import label_names, load_data, readable_clips, split

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


def _numbers(point: Event) -> tuple[object, tuple[float, ...]]:
    values = json.loads(json.dumps(dataclasses.asdict(point)))
    at = values.get("clips") if values.get("step") is None else values["step"]
    return at, tuple(values[name] for name in ("loss", "accuracy"))
