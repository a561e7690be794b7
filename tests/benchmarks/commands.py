"""The training command as benchmarks run it: in a process of its own, timed, its last line read."""

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
    """Train by the command line; runs and cache lie in `folder`. Returns its result and seconds."""
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
    """Run a command with a cache of its own; return the JSON of its last line, and its seconds."""
    environment = {**os.environ, "INTENT_CACHE": str(cache)}
    started = time.monotonic()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().split("\n")[-1]), time.monotonic() - started
