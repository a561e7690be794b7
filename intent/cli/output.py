"""Output of the command line: progress bars, results and one-line errors."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from intent.checkpoints.description import MULTI_LABEL_SCORES
from intent.labels import NONE_OF_THESE, human_name, none_of
from intent.runs.directory import RunDir
from intent.runs.events import (
    EvalPoint,
    Event,
    Finished,
    Halved,
    Notice,
    Phase,
    Progress,
    Skipped,
    halved_in_words,
    to_line,
)

if TYPE_CHECKING:
    from tqdm import tqdm

    from intent.evaluation.metrics import Accuracy, Evaluation
    from intent.models.classifier import Answer
    from intent.models.timeline import Summary, Utterance

Result = dict[str, object]  # of a run: the last JSON line of `train`

NOTES = 20  # on what was not used, of an evaluation
BAR_WIDTH = 30  # characters for a score of 1


def print_stderr(message: str) -> None:
    """Print a message on one line of standard error."""
    print(" ".join(message.split()), file=sys.stderr, flush=True)


def print_waiting(ahead: RunDir) -> None:
    """Print on standard error which run this one is waiting for."""
    print_stderr(
        f"Waiting for run {ahead.id} ({ahead.name}) to end; Ctrl-C removes this run from the queue."
    )


def print_json(value: object) -> None:
    """Print a value as one line of JSON, unbuffered."""
    print(json.dumps(value), flush=True)


@contextmanager
def display(as_json: bool) -> Iterator[Callable[[Event | Result], None]]:
    """Yield a function that shows an event: as JSON, in a bar on a terminal, or as plain lines.

    Training continues if the reader of standard output closes it. A later redirection of
    `sys.stdout`, as for the output of libraries, does not affect the JSON lines.
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
def counter(
    what: str, as_json: bool, unit: str = " recordings"
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, total) that shows a bar on a terminal, and nothing elsewhere."""
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
    """Return the answer for a file as text, one line per intent."""
    lines = [file]
    if not answer.known:
        lines.append(f"  {_none_of_the_intents(answer)}")
    if not answer.has_speech:
        lines.append(
            "  No speech detected. If someone did speak, these are low-confidence predictions:"
        )
    elif not answer.sure:
        lines.append("  Low confidence:")
    if answer.multi_label:
        lines.append(f"  {MULTI_LABEL_SCORES}")
    for score in answer.shown:
        bar, name = (
            "█" * round(score.score * BAR_WIDTH),
            human_name(score.label, answer.reject_label),
        )
        lines.append(f"  {score.score:6.1%} {bar:<{BAR_WIDTH}} {name}")
    facts = [f"{answer.checkpoint} on {answer.device}", f"{answer.seconds:.2f} s"]
    lines.append(f"  {', '.join([*facts, *filter(None, [answer.part_in_words])])}")
    return "\n".join(lines)


def _none_of_the_intents(answer: "Answer") -> str:
    none = f"{none_of(answer.intents)}."
    if not answer.closest:
        return none
    [best, *_] = answer.closest
    return f"{none} The closest is {human_name(best.label)} ({best.score:.1%})."


def utterance_text(utterance: "Utterance") -> str:
    """Return an utterance of a timeline as one line of text."""
    from intent.models.timeline import clock

    [best, *_] = utterance.top
    times = f"{clock(utterance.start):>9} – {clock(utterance.end):<9}"
    name = human_name(best.label) if utterance.known else NONE_OF_THESE
    doubt = "" if utterance.sure or not utterance.known else " (low confidence)"
    return f"  {times} {best.score:6.1%}  {name}{doubt}"


def timeline_text(summary: "Summary", seconds: float) -> str:
    """Return how the time of a recording is divided as text, one line per intent."""
    parts = [(human_name(label), duration) for label, duration in summary.intents]
    parts += [(NONE_OF_THESE, summary.not_known), ("Low confidence", summary.not_sure)]
    parts.append(("No speech", summary.no_speech))
    lines = [f"  {duration:9.1f} s  {name}" for name, duration in parts if duration]
    return "\n".join([f"  Summary of {seconds:.1f} s:", *lines])


def state_words(state: str) -> str:
    """Return the state or outcome of a run as users read it."""
    return "time limit reached" if state == "out of time" else state


def accuracy_text(accuracy: float | None, interval: tuple[float, float] | None, clips: int) -> str:
    """Return an accuracy with its interval as text."""
    if accuracy is None:
        return "not measured: no unseen test recordings"
    if interval is None:
        return f"{accuracy:.3f} ({_clips(clips)})"
    low, high = interval
    return f"{accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}, {_clips(clips)})"


def summary(run: RunDir, finished: Finished) -> str:
    """Return the outcome of a run, the test clips that were left out, and its model's folder."""
    measured = accuracy_text(finished.accuracy, finished.interval, finished.clips)
    outcome = state_words(finished.outcome).capitalize()
    lines = [f"{outcome} after {finished.seconds:.0f} s. Test accuracy: {measured}"]
    started = run.history().started
    if started and started.seen_clips:
        lines.append(f"Left out, seen in training by the base model: {_clips(started.seen_clips)}")
    if started and started.duplicate_clips:
        lines.append(f"Left out, also in the training set: {_clips(started.duplicate_clips)}")
    return "\n".join([*lines, str(run.model)])


def evaluation_text(evaluation: "Evaluation") -> str:
    """Return an evaluation as text."""
    from intent.evaluation.rejection import in_words

    lines = [f"Accuracy: {_accuracy_of(evaluation)}" if evaluation.clips else evaluation.message]
    lines += in_words(evaluation.rejection) if evaluation.rejection else ()
    if len(evaluation.per_locale) > 1:
        lines += [
            f"  {locale}: {_accuracy_of(figure)}"
            for locale, figure in evaluation.per_locale.items()
        ]
    if evaluation.seen_figure:
        lines.append(f"On recordings seen in training: {_accuracy_of(evaluation.seen_figure)}")
    elif evaluation.seen_in_training and evaluation.clips:
        lines.append(f"Left out, seen in training: {_clips(evaluation.seen_in_training)}")
    if evaluation.skipped:
        names = ", ".join(evaluation.skipped[:5])
        lines.append(f"Left out, unreadable: {_clips(len(evaluation.skipped))} ({names})")
    lines += evaluation.not_used[:NOTES]
    if len(evaluation.not_used) > NOTES:
        lines.append(
            f"And {len(evaluation.not_used) - NOTES} more notes on files that were not used."
        )
    if evaluation.renamed:
        pairs = ", ".join(f"{name} as {label}" for name, label in evaluation.renamed.items())
        lines.append(f"Labels matched, ignoring case and separators: {pairs}")
    if evaluation.absent:
        lines.append(
            f"The data set has no recordings of these labels: {', '.join(evaluation.absent)}"
        )
    return "\n".join(filter(None, lines))


def _accuracy_of(figure: "Evaluation | Accuracy") -> str:
    return accuracy_text(figure.accuracy, figure.interval, figure.clips)


def _clips(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _show_json(stdout: TextIO, event: Event | Result) -> None:
    line = json.dumps(event) if isinstance(event, dict) else to_line(event)
    try:
        print(line, file=stdout, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


def _show_bar(bar: "tqdm", event: Event | Result) -> None:
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
        case Notice():
            bar.write(event.sentence, file=sys.stderr)
        case Skipped():
            bar.write(f"left out {event.clip}: {event.reason}", file=sys.stderr)


def _show_line(event: Event | Result) -> None:
    match event:
        case Phase():
            print_stderr(event.name)
        case EvalPoint():
            print_stderr(f"accuracy {event.accuracy:.3f}")
        case Halved():
            print_stderr(halved_in_words(event))
        case Notice():
            print_stderr(event.sentence)
        case Skipped():
            print_stderr(f"left out {event.clip}: {event.reason}")
