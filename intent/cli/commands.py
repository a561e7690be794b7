"""What the commands of the command line do."""

import argparse
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from intent import distributed
from intent.cli import output as terminal
from intent.cli.push import pusher
from intent.errors import AudioError, IntentError, RecipeError, RunError
from intent.paths import BUNDLED, MINDS14_DATA, runs_dir
from intent.recipes import Recipe
from intent.runs.access import OWNER, check_checkpoint
from intent.runs.directory import RunDir
from intent.runs.events import Event, Finished

DONE, OURS, MISTAKE, INTERRUPTED = 0, 1, 2, 130  # exit codes


def classify(options: argparse.Namespace) -> int:
    """Print the likeliest intents of each file; one that cannot be heard does not end it."""
    from intent.audio.clip import read_clip
    from intent.models.classifier import classify as hear
    from intent.models.classifier import loaded

    if options.top_k < 1:
        raise IntentError(f"--top-k must be 1 or more, found {options.top_k}: choose how many.")
    checkpoint = check_checkpoint(OWNER, options.checkpoint)
    loaded(checkpoint)  # what is wrong with the checkpoint is said once
    code = DONE
    for file in options.files:
        try:
            answer = hear(read_clip(file), checkpoint, options.top_k)
        except AudioError as error:
            code = MISTAKE
            if options.json:
                terminal.print_json({"file": file, "error": str(error)})
            else:
                terminal.complain(f"{file}: {error}")
            continue
        if options.json:
            top = [{"label": s.label, "score": round(s.score, 6)} for s in answer.top]
            terminal.print_json({"file": file, "top": top, "seconds": round(answer.seconds, 4)})
        else:
            print(terminal.answer_text(file, answer), flush=True)
    return code


def train(options: argparse.Namespace) -> int:
    """Train in this process, showing how it goes, and print where the result is.

    Of several processes that a launcher started one leads, and the others help it in silence.
    """
    with distributed.joined():
        push = _pusher(options) if distributed.leads() else None
        run = RunDir(distributed.leaders(lambda: _run(options).path))
        if not distributed.leads():
            return _help(run)
        code = train_here(run, options.json, options.budget)
    return push(run) if push else code


def _pusher(options: argparse.Namespace) -> Callable[[RunDir], int] | None:
    if options.private and not options.push_to:
        raise RunError("--private is for what is pushed: name it by --push-to USER/NAME.")
    return pusher(options.push_to, options.private, options.json) if options.push_to else None


def _run(options: argparse.Namespace) -> RunDir:
    """Return the run to train: a new one, or one to go on with."""
    from intent.runs.store import create_run, open_run

    if options.budget is not None and not options.budget > 0:
        raise RunError(f"--budget must be more than 0 seconds, found {options.budget:g}.")
    runs = Path(options.runs or runs_dir()).resolve()
    if options.resume:
        _check_only_resume(options)
        return open_run(runs, options.resume)
    return create_run(runs, _recipe(options))


def _help(run: RunDir) -> int:
    """Help to train a run that another process leads, which alone heeds signals."""
    from intent.jobs.worker import train_as_worker

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    train_as_worker(run)
    return DONE


def train_here(run: RunDir, as_json: bool, budget_seconds: float | None = None) -> int:
    """Train a run in this process once it is its turn, showing how it goes."""
    from intent.jobs.queue import in_turn
    from intent.jobs.worker import work

    finished: list[Finished] = []
    with (
        in_turn(run, terminal.complain_of_waiting),
        terminal.display(as_json) as show,
        _stop_on_signals(run),
    ):

        def on_event(event: Event) -> None:
            finished.extend([event] if isinstance(event, Finished) else [])
            show(event)

        try:
            work(run, on_event, budget_seconds)
        finally:
            if as_json:
                show(_result(run, finished[-1] if finished else None))  # the last line
    if not as_json:
        print(terminal.summary(run, finished[-1]))
    return DONE


def evaluate(options: argparse.Namespace) -> int:
    """Print how well a checkpoint hears a data set."""
    from intent.evaluation.evaluate import evaluate_checkpoint

    with terminal.counter("hearing clips", options.json) as on_progress:
        evaluation = evaluate_checkpoint(
            check_checkpoint(OWNER, options.checkpoint),
            options.data,
            options.locale or ("en-US",),
            part=options.split,
            seed=options.seed,
            include_seen=options.include_seen,
            on_progress=on_progress,
        )
    figures = evaluation.to_dict()
    if options.json:
        terminal.print_json(figures)
    else:
        print(terminal.evaluation_text(figures))
    return DONE


def _recipe(options: argparse.Namespace) -> Recipe:
    """Return the preset as it suits the base, with what the command line changes."""
    from intent.jobs.request import TrainingRequest, recipe_of

    values: dict[str, object] = {} if options.seed is None else {"seed": options.seed}
    for setting in options.set or ():
        name, equals, value = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set takes name=value, found {setting!r}: write it so.")
        values[name.strip()] = value
    request = TrainingRequest(
        options.data or MINDS14_DATA,
        options.base or BUNDLED,
        options.recipe or "recommended",
        options.locale or ("en-US",),
        values,
    )
    return recipe_of(request, OWNER)


def _check_only_resume(options: argparse.Namespace) -> None:
    for name in ("data", "locale", "base", "recipe", "set", "seed"):
        if getattr(options, name) is not None:
            raise RunError(f"--resume goes on with the run's own recipe: leave out --{name}.")


def _result(run: RunDir, finished: Finished | None) -> dict[str, object]:
    from intent.runs.store import state

    return {
        "run": run.id,
        "directory": str(run.path),
        "accuracy": finished.accuracy if finished else None,
        "interval": finished.interval if finished else None,
        "outcome": finished.outcome if finished else state(run),
    }


@contextmanager
def _stop_on_signals(run: RunDir) -> Iterator[None]:
    """Within the block, the first Ctrl-C and a polite kill stop the run and keep its best."""
    from intent.jobs.worker import request_stop

    def stop(number: int, frame: FrameType | None) -> None:
        words = b"Stopping, and keeping the best so far"
        if (
            not distributed.launched()
        ):  # a launcher passes on the signal that this process has got too
            signal.signal(signal.SIGINT, signal.default_int_handler)
            words += b"; Ctrl-C again breaks off"
        request_stop(run)
        os.write(2, words + b".\n")  # not print: the signal may come in the middle of another one

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
