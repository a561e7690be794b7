"""How long a timeline takes, against the length of its recording.

Run `python -m tests.benchmarks.bench_timeline [--threads 2]`. On a machine that does much else, two
threads wait for each other: use one, and look at the processor time.

The recording is 30 minutes of 8 kHz WAV: growth_inputs.py makes it.
"""

import argparse
import tempfile
from pathlib import Path

from intent.audio.clip import write_wav
from intent.models.classifier import warm_up
from intent.models.timeline import Utterance, timeline
from tests.benchmarks.cost import cost_of
from tests.benchmarks.growth_inputs import recording
from tests.benchmarks.machine import machine_name

MINUTES = 30
LONGEST_SHARE = 1 / 30  # of the recording's length, that its timeline may take


def main() -> None:
    """Print the seconds, wall and processor, the ratio, and the memory that it added."""
    import torch

    parser = argparse.ArgumentParser(description="Measure how long a timeline takes.")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    torch.set_num_threads(parser.parse_args().threads)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "long.wav"
        write_wav(recording(MINUTES * 60), path)
        warm_up()
        utterances: list[Utterance] = []
        cost = cost_of(lambda: utterances.extend(timeline(path)))
    print(machine_name())
    print(f"{MINUTES} min, {len(utterances)} utterances: {cost.seconds:.1f} s", end=" ")
    print(
        f"({cost.processor_seconds:.1f} s of processor time), 1/{MINUTES * 60 / cost.seconds:.0f}"
    )
    print(f"of its length; at most 1/{1 / LONGEST_SHARE:.0f} is wanted")
    print(f"peak memory grew by {cost.peak_megabytes:.0f} MB")


if __name__ == "__main__":
    main()
