"""What the command line prints: bars, progress, results, and complaints of one line."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from intent.labels import human_name
from intent.runs.directory import RunDir
from intent.runs.events import (
    EvalPoint,
    Event,
    Finished,
    Halved,
    Phase,
    Progress,
    Skipped,
    halved_in_words,
    to_line,
)

if TYPE_CHECKING:
    from tqdm import tqdm

    from intent.models.classifier import Answer

BAR_WIDTH = 30  # characters for a score of 1


def complain(message: str) -> None:
    """Print one line on standard error."""
    print(" ".join(message.split()), file=sys.stderr, flush=True)


def complain_of_waiting(ahead: RunDir) -> None:
    """Say on standard error behind which run this command waits."""
    complain(f"Waiting behind run {ahead.id} ({ahead.name}); Ctrl-C withdraws.")


def print_json(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    print(json.dumps(value), flush=True)


@contextmanager
def display(as_json: bool) -> Iterator[Callable[[Event | dict[str, object]], None]]:
    """Yield what shows an event: JSON lines, a bar on a terminal, or a line for each phase.

    A reader of standard output that goes away does not end what is shown. Output that is
    redirected later, as that of libraries is, leaves it alone.
    """
    if as_json:
        stdout = sys.stdout
        yield lambda event: _show_json(stdout, event)
    elif sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(unit="", dynamic_ncols=True, leave=False) as bar:
            yield lambda event: _show_bar(bar, event)
    else:
        yield _show_line


@contextmanager
def counter(what: str, as_json: bool, unit: str = "clip") -> Iterator[Callable[[int, int], None]]:
    """Yield what shows that some of all are done: a bar on a terminal, and else nothing."""
    if as_json or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from tqdm import tqdm

    with tqdm(desc=what, unit=unit, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def answer_text(file: str, answer: "Answer") -> str:
    """Return what was heard in a file, a line for each intent."""
    lines = [file]
    if not answer.has_speech:
        lines.append("  I did not hear speech; if there was some, these are guesses:")
    elif not answer.sure:
        lines.append("  I am not sure:")
    for score in answer.top:
        bar = "█" * round(score.score * BAR_WIDTH)
        lines.append(f"  {score.score:6.1%} {bar:<{BAR_WIDTH}} {human_name(score.label)}")
    lines.append(f"  {answer.checkpoint} on {answer.device}, {answer.seconds:.2f} s")
    return "\n".join(lines)


def accuracy_text(accuracy: float | None, interval: tuple[float, float] | None, clips: int) -> str:
    """Return an accuracy with its interval in words."""
    if accuracy is None:
        return "not measured, for want of clips that were not seen in training"
    if interval is None:
        return f"{accuracy:.3f} on {clips} clips"
    return f"{accuracy:.3f} (95 % interval {interval[0]:.3f} to {interval[1]:.3f}, {clips} clips)"


def summary(run: RunDir, finished: Finished) -> str:
    """Return two lines on how a run ended and where its checkpoint is."""
    measured = accuracy_text(finished.accuracy, finished.interval, finished.clips)
    outcome = finished.outcome.capitalize()
    return f"{outcome} after {finished.seconds:.0f} s. Test accuracy: {measured}\n{run.model}"


def evaluation_text(figures: dict[str, object]) -> str:
    """Return the figures of an evaluation for people; `figures` is what its to_dict gives."""
    lines = [f"Accuracy: {_figure_text(figures)}" if figures["clips"] else str(figures["message"])]
    locales = figures["per_locale"]
    if len(locales) > 1:
        lines += [f"  {locale}: {_figure_text(figure)}" for locale, figure in locales.items()]
    if figures["seen_figure"]:
        lines.append(f"Seen in training: {_figure_text(figures['seen_figure'])}")
    elif figures["seen_in_training"] and figures["clips"]:
        lines.append(f"Left out, since seen in training: {figures['seen_in_training']} clips")
    if figures["skipped"]:
        names = ", ".join(figures["skipped"][:5])
        lines.append(f"Left out, since unreadable: {len(figures['skipped'])} clips ({names})")
    return "\n".join(lines)


def _figure_text(figure: dict[str, object]) -> str:
    return accuracy_text(figure["accuracy"], figure["interval"], figure["clips"])


def _show_json(stdout: TextIO, event: Event | dict[str, object]) -> None:
    line = json.dumps(event) if isinstance(event, dict) else to_line(event)
    try:
        print(line, file=stdout, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


def _show_bar(bar: "tqdm", event: Event) -> None:
    match event:
        case Phase():
            bar.set_description_str(event.name)
        case Progress():
            bar.total = event.total
            bar.n = event.done
            bar.refresh()
        case EvalPoint():
            bar.set_postfix_str(f"accuracy {event.accuracy:.3f}")
        case Halved():
            bar.write(halved_in_words(event), file=sys.stderr)
        case Skipped():
            bar.write(f"left out {event.clip}: {event.reason}", file=sys.stderr)


def _show_line(event: Event) -> None:
    match event:
        case Phase():
            complain(event.name)
        case EvalPoint():
            complain(f"accuracy {event.accuracy:.3f}")
        case Halved():
            complain(halved_in_words(event))
        case Skipped():
            complain(f"left out {event.clip}: {event.reason}")
