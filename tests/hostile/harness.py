"""Hostile cases, tried in forks of the app at rest: what ends or hangs one ends nothing else.

This process warms up as the app does (a model in memory, every decoder used once) and forks for
every few cases; where a fork is lost, the next one goes on behind the case that lost it. A case's
memory is the most that the fork had meanwhile (tests/memory.py) over what it began with: the resting
app. Its time is that of the processor, so that other work on the machine does not count; a hang is
told by the clock.
"""

import gc
import importlib
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from intent.errors import IntentError
from tests.hostile.case import Case
from tests.memory import give_back, megabytes, reset_peak

CASES_PER_FORK = 20  # a fork takes longer than most cases
HANG_SECONDS = 60  # by the clock; on a machine that does much else, five seconds can take twenty
MAKING_SECONDS = 900  # for all inputs together


@dataclass(frozen=True)
class Result:
    """What became of a case."""

    group: str  # recordings, checkpoints or folders
    name: str
    outcome: str  # read, refused, crash, hang or other
    detail: str = ""  # the sentence or the exception
    seconds: float = 0.0  # of the processor
    megabytes: float = 0.0  # the most memory, over the resting app's


@dataclass(frozen=True)
class Plan:
    """Which cases to try: those of a module's cases(seed, **options)."""

    group: str
    seed: int
    options: tuple[tuple[str, int], ...] = ()


def run(plan: Plan) -> Iterator[Result]:
    """Yield the result of each case of a plan."""
    module = importlib.import_module(f"tests.hostile.{plan.group}")
    options: dict[str, object] = dict(plan.options)
    with tempfile.TemporaryDirectory(prefix="hostile-") as scratch:
        if hasattr(module, "prepare"):  # what is costly to make is made once, and not measured
            store = options["store"] = Path(scratch, "store")
            store.mkdir()
            light = options.get("light", 0)
            making = Case("making the inputs", lambda _: module.prepare(store, light))
            (result,) = _in_a_fork(plan.group, [making], Path(scratch, "case"), MAKING_SECONDS)
            if result.outcome != "read":
                raise RuntimeError(f"The inputs could not be made: {result}")
        warm_up()
        cases = module.cases(plan.seed, **options)
        while batch := list(itertools.islice(cases, CASES_PER_FORK)):
            yield from try_cases(plan.group, batch, Path(scratch, "case"))


def warm_up() -> None:
    """Bring the app to rest: its model loaded, speech and every decoder used once."""
    import torch

    from intent.data.dataset import load_data
    from intent.library_output import quiet_libraries
    from intent.models import classifier
    from tests.hostile import recordings, sounds

    torch.set_num_threads(1)  # a fork has no other threads: with more, it would wait for them
    quiet_libraries()
    classifier.warm_up()
    load_data("sample")
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        for name, content in sounds.whole_files().items():
            Path(folder, name).write_bytes(content)
            recordings.process(Path(folder, name))


def try_cases(group: str, cases: list[Case], folder: Path) -> Iterator[Result]:
    """Yield the result of each case; each makes its input in this folder, new and empty."""
    while cases:
        results = _in_a_fork(group, cases, folder, HANG_SECONDS)
        yield from results
        cases = cases[len(results) :]
        shutil.rmtree(folder, ignore_errors=True)  # of a fork that was lost


def _in_a_fork(group: str, cases: list[Case], folder: Path, hang_seconds: float) -> list[Result]:
    """Return the results of the first cases, up to one that ends or hangs the fork."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_a_fork(writer, cases, folder)
    os.close(writer)
    results, hangs = [], False
    with open(reader, "rb", buffering=0) as answers:
        while len(results) < len(cases):
            hangs = not select.select([answers], [], [], hang_seconds)[0]
            line = b"" if hangs else answers.readline()
            if not line:
                break
            results.append(Result(group, cases[len(results)].name, *json.loads(line)))
    if hangs:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if len(results) < len(cases):
        code = os.waitstatus_to_exitcode(status)
        end = ("hang", f"over {hang_seconds} s") if hangs else ("crash", f"exit code {code}")
        results.append(Result(group, cases[len(results)].name, *end))
    return results


def _be_a_fork(writer: int, cases: list[Case], folder: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders print what they think of the input
    gc.freeze()  # what the app holds at rest is not looked through again after each case
    try:
        give_back()
        resting = megabytes("VmRSS")
        for case in cases:
            folder.mkdir()
            if case.make:
                _apart(case.make, folder)
            answer = _outcome(lambda case=case: case.act(folder), resting)
            shutil.rmtree(folder, ignore_errors=True)
            os.write(writer, json.dumps(answer).encode() + b"\n")
    finally:
        os._exit(0)


def _apart(make: Callable[[Path], object], folder: Path) -> None:
    """Make an input in a process of its own, whose memory is not the app's."""
    child = os.fork()
    if child == 0:
        try:
            make(folder)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("The input could not be made.")


def _outcome(act: Callable[[], object], resting: float) -> tuple[str, str, float, float]:
    give_back()
    reset_peak()
    began = time.process_time()
    try:
        act()
        outcome, detail = "read", ""
    except IntentError as error:
        outcome, detail = "refused", str(error)[:2_000]
        if "\n" in detail or not detail.endswith("."):
            outcome = "other"  # no sentence
    except BaseException as error:  # noqa: BLE001 - counting them is what this is for
        outcome, detail = "other", f"{type(error).__name__}: {error}"[:500]
    seconds = time.process_time() - began
    return outcome, detail, seconds, megabytes("VmHWM") - resting
