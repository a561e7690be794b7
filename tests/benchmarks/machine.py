"""The machine that a benchmark runs on: its name, and how fast it multiplies matrices."""

import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MATRIX_ROWS = 2048  # large enough to keep any of our machines busy, small enough for a moment
REPEATS = 5


def machine_name() -> str:
    """Return the GPU's name, or the processor's and its number of cores."""
    from intent.devices import best_device, device_name

    if best_device() != "cpu":
        return device_name()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} core{'' if cores == 1 else 's'}"


def multiply_adds_per_second(device: str, dtype: "torch.dtype") -> float:
    """Return the best rate (multiply-adds a second) of products of square matrices."""
    import torch

    left, right = (torch.randn(MATRIX_ROWS, MATRIX_ROWS, device=device).to(dtype) for _ in "ab")
    best = float("inf")
    for _ in range(REPEATS + 1):  # the first warms up
        _wait(device)
        start = time.perf_counter()
        left @ right
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return MATRIX_ROWS**3 / best


def _wait(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
