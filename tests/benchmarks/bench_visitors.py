"""Measure the app in public mode with many visitors at once, also while a run trains in it.

Run by hand: `python -m tests.benchmarks.bench_visitors [--visitors 20] [--clips 5] [--training]`.
Each visitor uploads and classifies recordings of their own over plain HTTP, one after the other; all
begin together. Every answer is compared with that of `classify` in this process for the same
recording: it is right, or another visitor's (mixed up), or neither. With --training, the same is
measured again while a run trains, and the medians are compared.
"""

import argparse
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from intent.audio.clip import Clip, read_clip, write_wav
from intent.library_output import quiet_libraries
from intent.models.classifier import classify
from intent.paths import EXAMPLES
from intent.runs.access import HEADER
from tests.benchmarks.cost import duration, markdown
from tests.benchmarks.machine import machine_name

COLUMNS = ("app", "answers", "errors", "mixed up", "other", "median", "95th percentile", "all in")
PATIENCE_SECONDS = 600
POLL_SECONDS = 0.1
NEAR = 0.02  # between scores in this process and in the app, which may round differently
RIGHT, MIXED, OTHER, ERROR = "right", "mixed up", "other", "error"

Scores = dict[str, float]  # of the most likely labels


@dataclass(frozen=True)
class Expected:
    """A recording of one visitor, and what an answer to it has to be."""

    path: Path
    seconds: float  # of it that are used; they differ from recording to recording
    scores: Scores


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: right, mixed up, other or error; and after how many seconds."""

    verdict: str
    seconds: float


class Visitor:
    """A client of the page's API with a secret of its own."""

    def __init__(self, address: str, number: int) -> None:
        headers = {HEADER: f"visitor-{number:04}-of-the-benchmark"}
        url = f"{address}/gradio_api/"
        self.http = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)

    def call(self, endpoint: str, *values: object) -> object:
        """Call an endpoint through the queue and return what it returns; raises RuntimeError."""
        joined = self.http.post(f"call/{endpoint}", json={"data": values})
        joined.raise_for_status()
        event = ""
        with self.http.stream("GET", f"call/{endpoint}/{joined.json()['event_id']}") as lines:
            for line in lines.iter_lines():
                kind, _, rest = line.partition(": ")
                if kind == "event":
                    event = rest
                elif kind == "data" and event == "complete":
                    return json.loads(rest)[0]
                elif kind == "data" and event == "error":
                    raise RuntimeError(rest)
        raise RuntimeError("The call did not end.")

    def classify(self, path: Path) -> Mapping[str, object]:
        """Upload a recording and return the app's answer."""
        with path.open("rb") as file:
            uploaded = self.http.post("upload", files={"files": (path.name, file)})
        uploaded.raise_for_status()
        file_data = {"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}
        return self.call("classify", file_data, "bundled")


def main() -> None:
    """Measure and print a table."""
    from tests.browser.harness import serve

    asked = _parse()
    quiet_libraries()
    print(f"{machine_name()}; {asked.visitors} visitors with {asked.clips} recordings each\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recordings = make_recordings(folder, asked.visitors, asked.clips)
        with serve(folder / "app", settings={"INTENT_PUBLIC": "1"}) as address:
            Visitor(address, 0).classify(recordings[0][0].path)  # the model is loaded
            alone = visit(address, recordings)
            rows, note = [row_of("idle otherwise", *alone)], ""
            if asked.training:
                busy, ended = visit_while_training(address, recordings, asked.recipe)
                rows.append(row_of(f"training, {asked.recipe}", *busy))
                ratio = median_of(busy[0]) / median_of(alone[0])
                note = f"\nmedian while a run trains: {ratio:.2f} times that without"
                note += "; the run ended meanwhile: use a longer recipe" if ended else ""
    print(markdown(COLUMNS, rows))
    print(note, end="\n" if note else "")


def make_recordings(folder: Path, visitors: int, clips: int) -> list[list[Expected]]:
    """Write recordings that all differ, in their length too, and classify each in this process."""
    examples = [read_clip(path) for path in sorted(EXAMPLES.glob("*.wav"))]
    made = []
    for number in range(visitors * clips):
        example = examples[number % len(examples)]
        noise = np.random.default_rng(number).standard_normal(len(example.samples))
        cut = len(example.samples) - 10 * number - 1
        samples = (example.samples + 0.001 * noise).clip(-1, 1).astype(np.float32)[:cut]
        path = folder / f"{number}.wav"
        write_wav(Clip(samples, example.sample_rate), path)
        answer = classify(read_clip(path))
        scores = {score.label: score.score for score in answer.top}
        made.append(Expected(path, answer.used_seconds, scores))
    return [made[start : start + clips] for start in range(0, len(made), clips)]


def visit(address: str, recordings: Sequence[Sequence[Expected]]) -> tuple[list[Outcome], float]:
    """Let all visitors begin together; return what became of each recording, and all the seconds."""
    every = [one for own in recordings for one in own]
    together = threading.Barrier(len(recordings))

    def one(number: int) -> list[Outcome]:
        visitor, outcomes = Visitor(address, number), []
        together.wait()
        for own in recordings[number]:
            started = time.perf_counter()
            try:
                verdict = verdict_on(visitor.classify(own.path), own, every)
            except (RuntimeError, httpx.HTTPError):
                verdict = ERROR
            outcomes.append(Outcome(verdict, time.perf_counter() - started))
        return outcomes

    started = time.perf_counter()
    with ThreadPoolExecutor(len(recordings)) as pool:
        found = list(pool.map(one, range(len(recordings))))
    return [outcome for some in found for outcome in some], time.perf_counter() - started


def visit_while_training(
    address: str, recordings: Sequence[Sequence[Expected]], recipe: str
) -> tuple[tuple[list[Outcome], float], bool]:
    """Measure while a run trains in the app; return whether that ended meanwhile too."""
    owner = Visitor(address, len(recordings))
    run = owner.call("start", "sample", ["en-US"], "bundled", recipe, 42, "{}", "")
    while (status := owner.call("status", run))["progress"] is None:
        if status["state"] not in ("prepared", "queued", "running"):
            raise RuntimeError(f"The run did not train: {status}")
        time.sleep(POLL_SECONDS)
    outcomes = visit(address, recordings)
    ended = owner.call("status", run)["state"] != "running"
    owner.call("stop", run)
    return outcomes, ended


def verdict_on(answer: Mapping[str, object], own: Expected, every: Sequence[Expected]) -> str:
    """Return whether an answer is that of the visitor's own recording, another's, or neither."""
    if _is_of(answer, own):
        return RIGHT
    return MIXED if any(_is_of(answer, other) for other in every) else OTHER


def _is_of(answer: Mapping[str, object], expected: Expected) -> bool:
    scores = {one["label"]: one["score"] for one in answer["top"]}
    same_part = abs(answer["heard_seconds"] - expected.seconds) < 6e-4  # rounded to ms
    top = max(expected.scores, key=expected.scores.get)
    return same_part and abs(scores.get(top, 0.0) - expected.scores[top]) <= NEAR


def median_of(outcomes: Sequence[Outcome]) -> float:
    """Return the median seconds to an answer; errors do not count."""
    return float(np.median(_answered(outcomes)))


def row_of(name: str, outcomes: Sequence[Outcome], seconds: float) -> tuple[object, ...]:
    """Return the row of a table."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    late = float(np.percentile(_answered(outcomes), 95))
    numbers = len(outcomes), counts[ERROR], counts[MIXED], counts[OTHER]
    return name, *numbers, duration(median_of(outcomes)), duration(late), duration(seconds)


def _answered(outcomes: Sequence[Outcome]) -> list[float]:
    return [one.seconds for one in outcomes if one.verdict != ERROR] or [float("nan")]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--clips", type=int, default=5, help="of each visitor (default: 5)")
    parser.add_argument("--training", action="store_true", help="measure again while a run trains")
    parser.add_argument("--recipe", choices=("instant", "recommended"), default="recommended")
    return parser.parse_args()


if __name__ == "__main__":
    main()
