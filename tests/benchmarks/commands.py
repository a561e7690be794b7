"""Run the training command for benchmarks: in a separate process, timed, with its last line read."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

Result = dict[str, object]


def train_command(
    data: str,
    base: str,
    locales: Sequence[str],
    recipe: str,
    seed: int,
    folder: Path,
    changes: Sequence[str],
) -> tuple[Result, float]:
    """Train with the command line; return its result and seconds. Runs and cache are in `folder`."""
    command = [
        sys.executable,
        "-m",
        "intent",
        "train",
        "--data",
        data,
        "--base",
        base,
        "--locale",
        *locales,
        "--recipe",
        recipe,
        "--seed",
        str(seed),
        "--runs",
        str(folder / "runs"),
        "--json",
    ]
    return timed([*command, *(["--set", *changes] if changes else [])], folder / "cache")


def timed(command: Sequence[str], cache: Path) -> tuple[Result, float]:
    """Run a command with a separate cache; return the JSON of its last line, and its seconds."""
    environment = {**os.environ, "INTENT_CACHE": str(cache)}
    started = time.monotonic()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().split("\n")[-1]), time.monotonic() - started
