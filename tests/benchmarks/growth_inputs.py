"""Inputs of any size for the benchmarks of growth: recordings, data sets and logs of events."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from intent.audio.clip import Clip, read_clip
from intent.paths import EXAMPLES, SAMPLE_DATA
from intent.runs.events import EvalPoint, Event, Progress, Skipped, Started, TrainPoint, to_line
from tests.late_speech import faint_noise

EVERY_SECONDS = 8  # one example clip begins: about two fifths of a recording are speech
ROW_GROUP = 500  # recordings written at a time
LEAST_NOISE = 2 / 32_768  # two steps of 16 bits: other bytes, the same sound to the ear
POINTS = 100  # of a run, in its training curve


def recording(seconds: float) -> Clip:
    """Return a recording with the six example clips in turn, and faint noise between them."""
    clips = [read_clip(path) for path in sorted(EXAMPLES.glob("*.wav"))]
    rate = clips[0].sample_rate
    samples = faint_noise(seconds, rate)
    starts = range(0, len(samples), EVERY_SECONDS * rate)
    for start, clip in zip(starts, itertools.cycle(clips), strict=False):
        room = samples[start:][: len(clip.samples)]
        room += clip.samples[: len(room)]
    return Clip(np.clip(samples, -1, 1), rate)


def repeated_sample(folder: Path, clips: int) -> Path:
    """Write a data set of so many recordings: the bundled sample's, each time with other noise."""
    import pyarrow as pa
    import pyarrow.parquet

    tables = [pyarrow.parquet.read_table(path) for path in sorted(SAMPLE_DATA.rglob("*.parquet"))]
    sample = pa.concat_tables(tables).select(["audio", "transcription", "intent_class"])
    sounds = [soundfile.read(io.BytesIO(one["bytes"])) for one in sample["audio"].to_pylist()]
    folder.mkdir(parents=True)
    with pyarrow.parquet.ParquetWriter(folder / "train.parquet", sample.schema) as writer:
        for start in range(0, clips, ROW_GROUP):
            numbers = np.arange(start, min(start + ROW_GROUP, clips))
            rows = sample.take(numbers % len(sample))
            audio = [
                {"bytes": _flac(*sounds[number % len(sounds)], number), "path": f"{number}.flac"}
                for number in numbers.tolist()
            ]
            column = pa.array(audio, rows.schema.field("audio").type)
            writer.write_table(rows.set_column(0, rows.schema.field("audio"), column))
    return folder


def _flac(samples: np.ndarray, rate: int, seed: int) -> bytes:
    noise = np.random.default_rng(seed).standard_normal(len(samples))
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples + LEAST_NOISE * noise, -1, 1), rate, format="FLAC")
    return file.getvalue()


def write_log(file: Path, events: Iterator[Event]) -> None:
    """Write events as a run's log."""
    with open(file, "w", encoding="utf-8") as log:
        log.writelines(to_line(event) + "\n" for event in events)


def long_run(count: int) -> Iterator[Event]:
    """Yield the events of a run that trains for days: progress, and the points of its curves."""
    yield Started("fine-tune", ("a", "b"), 1000, 200, 0, "CPU", time=1.0)
    every = max(1, count // POINTS)
    for step in range(count - 1):
        epoch, time = step / every, 1.0 + step / 4
        if step % every == 0:
            yield EvalPoint(0.9, 0.3, step=float(step), epoch=epoch, time=time)
        elif step % every == 1:
            yield TrainPoint(float(step), epoch, 0.3, 0.9, time)
        else:
            yield Progress(step, count, 12.5, float(count - step), epoch, time)


def unreadable_data(count: int) -> Iterator[Event]:
    """Yield the events of a run on data that cannot be read."""
    yield Started("fine-tune", ("a", "b"), 1000, 200, 0, "CPU", time=1.0)
    for number in range(count - 1):
        yield Skipped(f"clips/{number:07}.wav", "The file is empty.", 1.0)


def only_points(count: int) -> Iterator[Event]:
    """Yield the events of a run with far more points than training writes."""
    yield Started("fine-tune", ("a", "b"), 1000, 200, 0, "CPU", time=1.0)
    for step in range(count - 1):
        yield TrainPoint(float(step), 10 * step / count, 0.3, 0.9, 1.0)


LOGS = {"progress": long_run, "left out": unreadable_data, "points": only_points}
