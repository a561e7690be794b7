"""Train Instant on data of a given size in a process of its own, and follow its memory and files."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from intent.paths import folder_bytes
from intent.training.feature_cache import CACHE_GIGABYTES
from tests.benchmarks.cost import duration
from tests.benchmarks.growth_inputs import repeated_sample
from tests.memory import megabytes
from tests.tiny import tiny_whisper

COLUMNS = (
    "clips",
    "time",
    "a clip",
    "own memory at its peak",
    "features on disk",
    "cap",
    "accuracy",
)
WINDOW_SECONDS = 15  # of Instant
WATCH_SECONDS = 0.2


def rows(
    clips: int, base: str = "tiny", cache_gigabytes: float | None = None
) -> Iterator[tuple[object, ...]]:
    """Yield what training on so many clips costs; base "tiny" is small and random."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = repeated_sample(folder / "data", clips)
        if base == "tiny":
            base = str(tiny_whisper(folder / "base", window_seconds=WINDOW_SECONDS))
        cap = CACHE_GIGABYTES if cache_gigabytes is None else cache_gigabytes
        command = [sys.executable, "-m", "intent", "train", "--recipe", "instant", "--json"]
        command += ["--data", str(data), "--base", base, "--runs", str(folder / "runs")]
        environment = {
            **os.environ,
            "INTENT_CACHE": str(folder / "cache"),
            "HF_HOME": str(folder / "hub"),
            "INTENT_CACHE_GB": str(cap),
        }
        started = time.monotonic()
        peak, result = _followed(command, environment, folder / "output.txt")
        seconds = time.monotonic() - started
        features = folder_bytes(folder / "cache" / "features") / 1e9
        yield (
            f"{clips:,}",
            duration(seconds),
            f"{1000 * seconds / clips:.1f} ms",
            f"{peak:.0f} MB",
            f"{features:.2f} GB",
            f"{cap:g} GB",
            f"{result['accuracy']:.3f}",
        )


def _followed(
    command: list[str], environment: dict[str, str], output: Path
) -> tuple[float, dict[str, float]]:
    """Run a command; return the most memory of its own, not of mapped files, in MB, and its result."""
    peak = 0.0
    with open(output, "w", encoding="utf-8") as file:
        process = subprocess.Popen(command, env=environment, stdout=file)
        while process.poll() is None:
            with suppress(StopIteration, OSError):  # it has ended
                peak = max(peak, megabytes("RssAnon", process.pid))
            time.sleep(WATCH_SECONDS)
    if process.returncode:
        raise RuntimeError(f"Training failed: {output.read_text(encoding='utf-8')[-2000:]}")
    return peak, json.loads(output.read_text(encoding="utf-8").strip().split("\n")[-1])
