"""A process's memory now and at its peak, as Linux records it: elsewhere every figure is 0."""

import contextlib
import ctypes
import gc
from pathlib import Path

STATUS, CLEAR = "/proc/{process}/status", Path("/proc/self/clear_refs")


def megabytes(field: str, process: int | str = "self") -> float:
    """Return a figure of a process's memory, such as VmRSS, in MB; 0 where the system keeps none."""
    status = Path(STATUS.format(process=process))
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def give_back() -> None:
    """Return freed memory to the system, so that it does not count as what comes next."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> None:
    """Set VmHWM, the peak of VmRSS, to what is in memory now."""
    if CLEAR.exists():
        CLEAR.write_text("5")
