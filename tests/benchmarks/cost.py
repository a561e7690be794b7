"""What a call costs: its time and the memory that it adds at its peak; and Markdown tables of it."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.memory import give_back, megabytes, reset_peak


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of the processor, and the most memory over that at the start, in MB."""

    seconds: float
    processor_seconds: float
    peak_megabytes: float


def cost_of(call: Callable[[], object]) -> Cost:
    """Call a function once and return what it cost this process."""
    give_back()
    reset_peak()
    resting = megabytes("VmRSS")
    started, used = time.perf_counter(), time.process_time()
    call()
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    return Cost(seconds, processor, max(0.0, megabytes("VmHWM") - resting))


def milliseconds(call: Callable[[], object], rounds: int) -> float:
    """Return the shortest time of a call: others may use the machine as well."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it: "4.1 ms", "12.3 s", "5 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
