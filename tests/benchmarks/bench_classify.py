"""Compare the time to classify a file: the app against a stock pipeline with a 30 s window.

Run by hand: `python -m tests.benchmarks.bench_classify [--checkpoint X] [--rounds N] [FILE…]`.
Both have the same weights: the stock model is the checkpoint with its position embeddings, fixed
sinusoids, extended to Whisper's own length. The arms take turns, clip by clip, in one process; the
ratio is one of medians, and its spread that of the rounds. A stock pipeline reads files with the
ffmpeg program; without ffmpeg its arm decodes with soundfile and soxr, which is faster than
starting a program.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from intent.audio.clip import read_clip
from intent.checkpoints.resolve import resolve
from intent.devices import device_name
from intent.library_output import quiet_libraries
from intent.models.classifier import classify, predict
from intent.models.loading import loaded
from intent.paths import BUNDLED, EXAMPLES

if TYPE_CHECKING:
    import torch

STOCK_SECONDS = 30  # the window of every published Whisper
STOCK_POSITIONS = 1500
WARM_UP_ROUNDS = 1

Arm = Callable[[Path], object]


def main() -> None:
    """Measure and print a table."""
    arguments = _parse()
    quiet_libraries()
    files = arguments.files or sorted(EXAMPLES.glob("*.wav"))
    with tempfile.TemporaryDirectory() as folder:
        arms = {
            "app": lambda path: classify(read_clip(path), arguments.checkpoint),
            "app, no speech check": lambda path: predict(
                loaded(arguments.checkpoint), read_clip(path)
            ),
            "stock, 30 s window": stock_arm(with_stock_window(arguments.checkpoint, Path(folder))),
        }
        times = measure(arms, files, arguments.rounds)
    print(f"{device_name()}; {len(files)} clips, {arguments.rounds} rounds")
    print("stock reads files with", "ffmpeg" if shutil.which("ffmpeg") else "soundfile: no ffmpeg")
    print(table(times))


def with_stock_window(checkpoint: str, folder: Path) -> Path:
    """Save a Whisper classifier with its original 30 s window, and return the folder."""
    import torch
    from transformers import WhisperFeatureExtractor, WhisperForAudioClassification

    source = resolve(checkpoint)
    model = WhisperForAudioClassification.from_pretrained(source, dtype=torch.float32)
    short = model.encoder.embed_positions.weight
    positions = sinusoids(STOCK_POSITIONS, short.shape[1])
    torch.testing.assert_close(positions[: len(short)], short.detach(), atol=1e-3, rtol=0)
    model.encoder.embed_positions = torch.nn.Embedding.from_pretrained(positions)
    model.config.max_source_positions = STOCK_POSITIONS
    model.save_pretrained(folder)
    extractor = WhisperFeatureExtractor.from_pretrained(source, chunk_length=STOCK_SECONDS)
    extractor.save_pretrained(folder)
    return folder


def sinusoids(length: int, channels: int) -> "torch.Tensor":
    """Return Whisper's positions (length, channels): sines then cosines, wavelengths 2 pi to 2e4 pi."""
    import torch

    rates = torch.exp(torch.arange(channels // 2) * (-np.log(10_000) / (channels // 2 - 1)))
    angles = torch.arange(length)[:, None] * rates[None, :]  # (length, channels / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def stock_arm(folder: Path) -> Arm:
    """Return a stock pipeline, called as in the task guide, with a path if it can read one."""
    from transformers import pipeline

    stock = pipeline("audio-classification", model=str(folder))
    if shutil.which("ffmpeg"):
        return lambda path: stock(str(path), top_k=5)
    rate = stock.feature_extractor.sampling_rate

    def arm(path: Path) -> object:
        samples, file_rate = soundfile.read(path, dtype="float32", always_2d=True)
        return stock(soxr.resample(samples.mean(axis=1), file_rate, rate), top_k=5)

    return arm


def measure(arms: dict[str, Arm], files: list[Path], rounds: int) -> dict[str, np.ndarray]:
    """Return the times of each arm in seconds, (rounds, files); the arms take turns at each file."""
    times = {name: np.zeros((rounds + WARM_UP_ROUNDS, len(files))) for name in arms}
    for turn in range(rounds + WARM_UP_ROUNDS):
        for index, path in enumerate(files):
            for name, arm in arms.items():
                start = time.perf_counter()
                arm(path)
                times[name][turn, index] = time.perf_counter() - start
    return {name: seconds[WARM_UP_ROUNDS:] for name, seconds in times.items()}


def table(times: dict[str, np.ndarray]) -> str:
    """Return each arm's median per clip, and how many times longer the stock arm, the last, takes."""
    *_, stock = times.values()
    lines = [f"{'':24}{'ms per clip':>12}{'quartiles':>16}{'stock takes':>13}{'rounds':>16}"]
    for name, seconds in times.items():
        low, middle, high = (1000 * np.percentile(seconds, share) for share in (25, 50, 75))
        ratios = np.median(stock, axis=1) / np.median(seconds, axis=1)  # (rounds,)
        ratio = statistics.median(stock.ravel()) / statistics.median(seconds.ravel())
        lines.append(
            f"{name:24}{middle:12.1f}{f'{low:.1f} - {high:.1f}':>16}"
            f"{f'{ratio:.2f} x':>13}{f'{ratios.min():.2f} - {ratios.max():.2f}':>16}"
        )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="recordings; by default the examples")
    parser.add_argument("--checkpoint", default=BUNDLED, help="a Whisper classifier")
    parser.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
