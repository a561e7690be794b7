"""Name the machine that a benchmark runs on."""

import os
import platform
from pathlib import Path


def machine_name() -> str:
    """Return the GPU's name, or the processor's and its number of cores."""
    from intent.devices import best_device, device_name

    if best_device() != "cpu":
        return device_name()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} core{'' if cores == 1 else 's'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
