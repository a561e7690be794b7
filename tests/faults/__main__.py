"""Kill runs at random points and see that nothing is lost: python -m tests.faults --points 200."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from intent.quiet import quiet_libraries
from intent.rundir import history_of
from tests.faults.world import (
    build_world,
    curve_fault,
    draw_points,
    kill_at,
    resume,
    what_is_lost,
)


def main() -> int:
    """Try the points, say what was lost at each, and sum up; the exit code is 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--points", type=int, default=200, help="how many (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the points (0)")
    parser.add_argument("--resume", type=int, default=8, help="resume one run in so many (8)")
    options = parser.parse_args()
    quiet_libraries()
    began, lost, resumed, phases = time.monotonic(), 0, 0, {}
    with tempfile.TemporaryDirectory() as folder:
        world = build_world(Path(folder))
        for number, point in enumerate(draw_points(world, options.points, options.seed)):
            run = kill_at(world, point)
            phase = history_of(run).phase or "before its first word"
            phases[phase] = phases.get(phase, 0) + 1
            fault = what_is_lost(world, run, point)
            if fault is None and number % options.resume == 0:
                resumed += 1
                resume(world, run)
                fault = what_is_lost(world, run, point)
                expected = world.undisturbed[point.recipe].history
                fault = fault or curve_fault(history_of(run), expected)
            lost += fault is not None
            print(f"{number + 1}/{options.points} {phase}", file=sys.stderr, flush=True)
            if fault:
                print(f"{number}: {point}, in {phase!r}: {fault}", flush=True)
    for phase, count in sorted(phases.items(), key=lambda item: -item[1]):
        print(f"{count:4d}  {phase}")
    print(
        f"Kill points tried: {options.points}; runs lost: {lost}; resumed to the end, their curves "
        f"compared: {resumed}; {time.monotonic() - began:.0f} s"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
