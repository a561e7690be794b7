"""Feed the app hostile recordings, checkpoints and folders: python -m tests.hostile --seed 0.

Prints what became of them, and ends with exit code 1 if a limit is broken.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Iterator

from tests.hostile.harness import Plan, Result, run

GROUPS = ("recordings", "checkpoints", "folders")
MAX_MEGABYTES = 300  # of memory over the resting app, in any case
MAX_CLIP_SECONDS = 5  # for one recording
FAULTS = ("crash", "hang", "other")


def plans(seed: int, recordings: int, only: str | None, quick: bool) -> list[Plan]:
    """Return what is to be tried; quick: a few hundred recordings and checkpoints."""
    options = {
        "recordings": (("count", 300), ("light", 1)) if quick else (("count", recordings),),
        "checkpoints": (("count", 10), ("every", 15)) if quick else (),
        "folders": (),
    }
    return [
        Plan(group, seed, options[group])
        for group in GROUPS
        if only in (None, group) and importlib.util.find_spec(f"tests.hostile.{group}")
    ]


def faults_of(results: list[Result], clock: bool = True) -> list[str]:
    """Return a line for each result that breaks a limit, that of time only with the clock."""
    lines = [
        f"{r.group}: {r.outcome}: {r.name}: {r.detail}" for r in results if r.outcome in FAULTS
    ]
    lines += [
        f"{r.group}: {r.megabytes:.0f} MB: {r.name}" for r in results if r.megabytes > MAX_MEGABYTES
    ]
    lines += [
        f"{r.group}: {r.seconds:.1f} s: {r.name}"
        for r in results
        if clock and r.group == "recordings" and r.seconds > MAX_CLIP_SECONDS
    ]
    return lines


def table(results: list[Result]) -> Iterator[str]:
    """Yield the summary, a row for each group."""
    head = ("", "cases", "refused", "read", "crashes", "hangs", "other", "most MB", "most s")
    yield "{:12}{:>7}{:>9}{:>7}{:>9}{:>7}{:>7}{:>9}{:>8}".format(*head)
    for group in GROUPS:
        rows = [result for result in results if result.group == group]
        if not rows:
            continue
        outcomes = [result.outcome for result in rows]
        counts = [outcomes.count(kind) for kind in ("refused", "read", "crash", "hang", "other")]
        largest = max(rows, key=lambda result: result.megabytes)
        slowest = max(rows, key=lambda result: result.seconds)
        yield "{:12}{:7}{:9}{:7}{:9}{:7}{:7}{:9.0f}{:8.2f}".format(
            group, len(rows), *counts, largest.megabytes, slowest.seconds
        )
        yield f"{'':12}most memory: {largest.name}"
        yield f"{'':12}most time: {slowest.name}"


def main() -> int:
    """Try all cases, print the summary and what broke a limit; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the mutations (0)")
    parser.add_argument("--recordings", type=int, default=5000, help="mutated recordings (5000)")
    parser.add_argument("--only", choices=GROUPS, help="one group of cases (all)")
    parser.add_argument("--quick", action="store_true", help="a small part of them")
    parser.add_argument("--no-clock", action="store_true", help="measure time, but do not limit it")
    options = parser.parse_args()
    began, results = time.monotonic(), []
    for plan in plans(options.seed, options.recordings, options.only, options.quick):
        for result in run(plan):
            results.append(result)
            if len(results) % 250 == 0:
                print(f"{len(results)} cases, {plan.group}", file=sys.stderr, flush=True)
    print("\n".join(table(results)))
    print(
        f"Limits: no crash, hang or other exception; {MAX_MEGABYTES} MB over the resting app; "
        f"{MAX_CLIP_SECONDS} s a recording. Seed {options.seed}, {time.monotonic() - began:.0f} s."
    )
    faults = faults_of(results, not options.no_clock)
    print("\n".join(faults) or "No limit is broken.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
