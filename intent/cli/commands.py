"""The commands classify, train and evaluate."""

import argparse
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from intent import distributed
from intent.cli import output as terminal
from intent.cli.push import pusher
from intent.data.schema import Columns
from intent.errors import AudioError, ExitCode, IntentError, RecipeError, RunError
from intent.paths import BUNDLED, MINDS14, runs_dir
from intent.recipes import Recipe
from intent.runs.access import OWNER, check_checkpoint
from intent.runs.directory import RunDir
from intent.runs.events import Event, Finished

if TYPE_CHECKING:
    from intent.models.classifier import Answer


def classify(options: argparse.Namespace) -> int:
    """Print the top intents or the timeline of each file; an unreadable one does not stop the rest."""
    from intent.audio.clip import read_clip
    from intent.models import classifier, loading

    if options.top_k < 1:
        raise IntentError(f"--top-k must be 1 or more, but is {options.top_k}.")
    checkpoint = check_checkpoint(OWNER, options.checkpoint)
    loading.loaded(checkpoint)  # reports a bad checkpoint once, not once per file
    code = ExitCode.DONE
    for file in options.files:
        try:
            if options.timeline:
                _print_timeline(file, checkpoint, options)
            else:
                answer = classifier.classify(read_clip(file), checkpoint, options.top_k)
                _print_answer(file, answer, options.json)
        except AudioError as error:
            code = ExitCode.USER_ERROR
            if options.json:
                terminal.print_json({"file": file, "error": str(error)})
            else:
                terminal.print_stderr(f"{file}: {error}")
    return code


def _print_answer(file: str, answer: "Answer", as_json: bool) -> None:
    if as_json:
        top = [one.to_json() for one in answer.top]
        seconds = round(answer.seconds, 4)
        terminal.print_json({"file": file, "top": top, "seconds": seconds, **answer.facts})
    else:
        print(terminal.answer_text(file, answer), flush=True)


def _print_timeline(file: str, checkpoint: str, options: argparse.Namespace) -> None:
    """Print each utterance as soon as it is classified, and, as text, a summary."""
    from intent.models.timeline import Utterance, steps, summarize

    if not options.json:
        print(file, flush=True)
    utterances: list[Utterance] = []
    seconds = 0.0
    with terminal.counter(file, options.json, " %") as show_progress:
        for step in steps(file, checkpoint, options.top_k):
            for utterance in step.utterances:
                if options.json:
                    terminal.print_json({"file": file, **utterance.to_json()})
                else:
                    print(terminal.utterance_text(utterance), flush=True)
            utterances += step.utterances
            seconds = step.seconds
            show_progress(int(100 * step.share), 100)
    if not options.json:
        print(terminal.timeline_text(summarize(utterances, seconds), seconds), flush=True)


def train(options: argparse.Namespace) -> int:
    """Train in this process, show the progress, and print where the model is.

    Where a launcher started several processes, only the lead process prints.
    """
    with distributed.process_group():
        push = _pusher(options) if distributed.is_lead() else None
        run = RunDir(distributed.from_lead(lambda: _run(options).path))
        if not distributed.is_lead():
            return _train_as_worker(run)
        code = train_here(run, options.json, options.budget)
    return push(run) if push else code


def _pusher(options: argparse.Namespace) -> Callable[[RunDir], int] | None:
    if options.private and not options.push_to:
        raise RunError(
            "--private works only with --push-to: add --push-to USER/NAME, or leave out --private."
        )
    return pusher(options.push_to, options.private, options.json) if options.push_to else None


def _run(options: argparse.Namespace) -> RunDir:
    """Return the run to train: a new one, or the one to resume."""
    from intent.runs.store import create_run, open_run

    if options.budget is not None and not options.budget > 0:
        raise RunError(f"--budget must be more than 0 seconds, but is {options.budget:g}.")
    runs = Path(options.runs or runs_dir()).resolve()
    if options.resume:
        _check_only_resume(options)
        return open_run(runs, options.resume)
    return create_run(runs, _recipe(options))


def _train_as_worker(run: RunDir) -> int:
    """Train a run as a worker process; only the lead process handles signals."""
    from intent.jobs.worker import train_as_worker

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    train_as_worker(run)
    return ExitCode.DONE


def train_here(run: RunDir, as_json: bool, budget_seconds: float | None = None) -> int:
    """Train a run in this process once its turn in the queue comes, and show the progress."""
    from intent.jobs.queue import in_turn
    from intent.jobs.worker import work

    finished: list[Finished] = []
    with (
        in_turn(run, terminal.print_waiting),
        terminal.display(as_json) as show,
        _stop_on_signals(run),
    ):

        def on_event(event: Event) -> None:
            if isinstance(event, Finished):
                finished.append(event)
            show(event)

        try:
            work(run, on_event, budget_seconds)
        finally:
            if as_json:
                show(_result(run, finished[-1] if finished else None))  # the last line
    if not as_json:
        print(terminal.summary(run, finished[-1]))
    return ExitCode.DONE


def evaluate(options: argparse.Namespace) -> int:
    """Print the accuracy of a checkpoint on a data set."""
    from intent.evaluation.evaluate import evaluate_checkpoint

    with terminal.counter("Classifying recordings", options.json) as on_progress:
        evaluation = evaluate_checkpoint(
            check_checkpoint(OWNER, options.checkpoint),
            options.data,
            options.locale or ("en-US",),
            part=options.split,
            seed=options.seed,
            include_seen=options.include_seen,
            on_progress=on_progress,
            columns=_columns(options),
            condition=options.condition,
        )
    if options.json:
        terminal.print_json(evaluation.to_dict())
    else:
        print(terminal.evaluation_text(evaluation))
    return ExitCode.DONE


def _recipe(options: argparse.Namespace) -> Recipe:
    """Return the recipe that the options describe: the preset for the base model, with --set applied."""
    from intent.jobs.request import TrainingRequest, recipe_of

    given = {"seed": options.seed, "reject_label": options.reject_label}
    values: dict[str, object] = {name: one for name, one in given.items() if one is not None}
    for setting in options.set or ():
        name, equals, value = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set takes name=value, such as epochs=4, but got {setting!r}.")
        values[name.strip()] = value
    request = TrainingRequest(
        options.data or MINDS14,
        options.base or BUNDLED,
        options.recipe or "recommended",
        options.locale or ("en-US",),
        values,
        _columns(options),
    )
    return recipe_of(request, OWNER)


def _columns(options: argparse.Namespace) -> Columns:
    return Columns(options.audio_column or "", options.label_column or "")


def _check_only_resume(options: argparse.Namespace) -> None:
    columns = ("audio_column", "label_column", "reject_label")
    for name in ("data", *columns, "locale", "base", "recipe", "set", "seed"):
        if getattr(options, name) is not None:
            option = name.replace("_", "-")
            raise RunError(f"--resume uses the run's own recipe: leave out --{option}.")


def _result(run: RunDir, finished: Finished | None) -> terminal.Result:
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
    """Make the first Ctrl-C or SIGTERM within the block stop the run and keep its best checkpoint."""
    from intent.jobs.worker import request_stop

    def stop(number: int, frame: FrameType | None) -> None:
        message = b"Stopping and keeping the best checkpoint so far"
        # A launcher forwards Ctrl-C to a process that the terminal has sent it to already.
        if not distributed.is_launched():
            signal.signal(signal.SIGINT, signal.default_int_handler)
            message += b"; press Ctrl-C again to abort"
        request_stop(run)
        os.write(2, message + b".\n")  # print is not safe in a signal handler

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
