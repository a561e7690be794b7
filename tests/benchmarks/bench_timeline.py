"""How long a timeline takes, against the length of its recording.

Run `python -m tests.benchmarks.bench_timeline [--threads 2]`. On a machine that does much else, two
threads wait for each other: use one, and look at the processor time.

The recording is 30 minutes of 8 kHz WAV with the six example clips in turn, one beginning every 8
seconds: about two fifths of it is speech.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from intent.audio.clip import Clip, read_clip, write_wav
from intent.models.classifier import warm_up
from intent.models.timeline import timeline
from intent.paths import EXAMPLES
from tests.benchmarks.machine import machine_name
from tests.late_speech import faint_noise

MINUTES = 30
EVERY_SECONDS = 8
LONGEST_SHARE = 1 / 30  # of the recording's length, that its timeline may take


def long_recording() -> Clip:
    """Return the recording."""
    clips = [read_clip(path) for path in sorted(EXAMPLES.glob("*.wav"))]
    rate = clips[0].sample_rate
    samples = faint_noise(MINUTES * 60, rate)
    for number, start in enumerate(range(0, MINUTES * 60 - EVERY_SECONDS, EVERY_SECONDS)):
        clip = clips[number % len(clips)]
        samples[start * rate :][: len(clip.samples)] += clip.samples
    return Clip(np.clip(samples, -1, 1), rate)


def main() -> None:
    """Print the seconds, wall and processor, the ratio, and the memory that it added."""
    import torch

    parser = argparse.ArgumentParser(description="Measure how long a timeline takes.")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    torch.set_num_threads(parser.parse_args().threads)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "long.wav"
        write_wav(long_recording(), path)
        warm_up()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started, used = time.perf_counter(), time.process_time()
        count = sum(1 for _ in timeline(path))
        wall, processor = time.perf_counter() - started, time.process_time() - used
        added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(machine_name())
    print(f"{MINUTES} min, {count} utterances: {wall:.1f} s ({processor:.1f} s of processor time),")
    print(f"1/{MINUTES * 60 / wall:.0f} of its length; at most 1/{1 / LONGEST_SHARE:.0f} is wanted")
    print(f"peak memory grew by {added / 1024:.0f} MB")


if __name__ == "__main__":
    main()
