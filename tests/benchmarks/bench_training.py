"""Compare training with the app and with a plain Trainer script: same data, epochs and encoder.

    python -m tests.benchmarks.bench_training --data minds14 --base openai/whisper-tiny.en \\
        [--only instant recommended wav2vec2] [--repeat N] [--clips N] [--epochs N]

instant: Instant, nothing cached, against ten epochs with a frozen encoder. Floor: 8 x.
recommended: Recommended against the same recipe, nothing cached, full window. Floor: 3 x.
wav2vec2: convolutions frozen and cached (Recommended of that family) against the guide's unfrozen
    encoder, floor 1.4 x, and against frozen ones computed in every step. A wav2vec2-base with random
    weights, on a few clips: only its times are meaningful, its accuracy is chance.

Each run is a separate process, timed from start to end; ours starts with an empty cache. Accuracy is
on the same test clips. `plain_trainer.py` is the other side and describes its steps; both use the same
precision unless `--plain-float32`. The table also shows how much of its time the plain side spends on
evaluations between epochs and on features. `--plain-epochs` runs fewer epochs of the plain sides and
extrapolates their times, since all epochs are alike; accuracy is then left out.
The floor of a recipe is the arithmetic of tests/benchmarks/floor.py at the rate of a large matrix
product on this machine; a good run takes a small multiple of that.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import torch

from intent.data.dataset import load_data, readable_clips, split
from intent.devices import best_device, training_precision
from intent.estimate.flops import Clips
from intent.library_output import quiet_libraries
from intent.models.encoders import family
from intent.recipes import Recipe, change, preset
from tests.benchmarks.floor import arithmetic, multiply_adds_per_second
from tests.benchmarks.machine import machine_name
from tests.benchmarks.pairs import (
    Timing,
    cut_short,
    few_clips,
    random_wav2vec2,
    run_ours,
    run_plain,
)

MATRIX_ROWS = 2048  # large enough to keep any of our machines busy
PAIRS = ("instant", "recommended", "wav2vec2")
FROZEN_EPOCHS = 10
FLOORS = {"frozen-encoder": 8.0, "same-recipe": 3.0, "unfrozen": 1.4}
WAV2VEC2_CLIPS, WAV2VEC2_EPOCHS = 32, 3  # so that it ends in minutes on two cores


def main() -> None:
    """Measure the pairs in the arguments, and print a table of each."""
    options = _parse()
    quiet_libraries()
    device = best_device()
    rates = {
        dtype: multiply_adds_per_second(device, dtype, MATRIX_ROWS)
        for dtype in {torch.float32, training_precision(device)}
    }
    print(machine_name())
    for dtype, rate in rates.items():
        print(f"matrix products in {dtype}: {2 * rate / 1e9:.0f} GFLOP/s")
    for pair in options.only:
        with tempfile.TemporaryDirectory() as folder:
            recipe, plain_kinds = recipe_of(pair, options, Path(folder))
            times = measure(recipe, plain_kinds, options, Path(folder))
            print(f"\n{pair}: {recipe.base}, {recipe.method}, {len(times['ours'])} rounds")
            print(table(times, plain_kinds))
            mixed = recipe.mixed_precision
            dtype = training_precision(device) if mixed else torch.float32
            print(floor_text(recipe, times["ours"], rates[dtype]), flush=True)


def recipe_of(pair: str, options: argparse.Namespace, folder: Path) -> tuple[Recipe, list[str]]:
    """Return the recipe of a pair and the kinds of plain script to compare it with."""
    base, clips, kinds = options.base, options.clips, ["same-recipe"]
    changes: dict[str, object] = {}
    if pair == "instant":
        kinds, changes["epochs"] = ["frozen-encoder"], FROZEN_EPOCHS
    if pair == "wav2vec2":
        base = str(options.wav2vec2 or random_wav2vec2(folder / "wav2vec2"))
        clips = clips or WAV2VEC2_CLIPS
        kinds, changes["epochs"] = ["unfrozen", "frozen-convolutions"], WAV2VEC2_EPOCHS
    if options.epochs:
        changes["epochs"] = options.epochs
    if options.window:
        changes["window_seconds"] = options.window
    data = options.data
    if clips:
        data = str(few_clips(data, options.locale, options.seed, clips, folder / "data"))
    name = "instant" if pair == "instant" else "recommended"
    changes |= {"data": data, "locales": options.locale, "base": base, "seed": options.seed}
    return change(preset(name, family(base)), changes), kinds


def measure(
    recipe: Recipe, plain_kinds: list[str], options: argparse.Namespace, folder: Path
) -> dict[str, list[Timing]]:
    """Return the timings of ours and of each plain kind; the order alternates by round."""
    sides = ["ours", *plain_kinds]
    times: dict[str, list[Timing]] = {side: [] for side in sides}
    for turn in range(options.repeat):
        for side in sides if turn % 2 == 0 else reversed(sides):
            with tempfile.TemporaryDirectory(dir=folder) as place:
                if side == "ours":
                    timing = run_ours(recipe, Path(place))
                elif options.plain_epochs:
                    timing = cut_short(
                        side, recipe, options.plain_epochs, Path(place), options.float32
                    )
                else:
                    timing = run_plain(side, recipe, Path(place), options.float32)
            times[side].append(timing)
    return times


def table(times: dict[str, list[Timing]], plain_kinds: list[str]) -> str:
    """Return the medians of each side, and how many times longer than ours it takes."""
    head = (
        "",
        "accuracy",
        "command s",
        "ours is",
        "first epoch s",
        "later epochs s",
        "ratio later",
    )
    lines = [f"{head[0]:22}" + "".join(f"{name:>15}" for name in head[1:])]
    ours = times["ours"]
    for side, timings in times.items():
        ratios = [one.seconds / own.seconds for one, own in zip(timings, ours, strict=True)]
        cells = (
            _median([one.accuracy for one in timings], ".3f"),
            _median([one.seconds for one in timings], ".1f"),
            f"{statistics.median(ratios):.2f} x",
            _median([one.first_epoch for one in timings], ".1f"),
            _median([one.later_epochs for one in timings], ".1f"),
            _later_ratio(timings, ours),
        )
        lines.append(f"{side:22}" + "".join(f"{cell:>15}" for cell in cells))
        if len(timings) > 1:
            lines.append(f"  rounds: {min(ratios):.2f} - {max(ratios):.2f} x")
    lines += [_plain_notes(side, times[side], ours) for side in plain_kinds]
    return "\n".join(lines)


def _plain_notes(side: str, timings: list[Timing], ours: list[Timing]) -> str:
    pairs = list(zip(timings, ours, strict=True))
    ratio = statistics.median(one.seconds / own.seconds for one, own in pairs)
    lean = statistics.median((one.seconds - one.evaluations) / own.seconds for one, own in pairs)
    floor = FLOORS.get(side)
    verdict = (
        f"floor {floor} x: {'reached' if ratio >= floor else 'missed'}" if floor else "no floor"
    )
    return (
        f"  {side}: {verdict}; {_median([one.evaluations for one in timings], '.1f')} s on "
        f"evaluations between epochs (without them {lean:.2f} x), "
        f"{_median([one.features for one in timings], '.1f')} s on features"
        + ("; extrapolated from fewer epochs" if timings[0].extrapolated else "")
    )


def floor_text(recipe: Recipe, ours: list[Timing], rate: float) -> str:
    """Return the least time that a recipe's arithmetic takes here, and how close ours is."""
    needed = arithmetic(recipe, _clips(recipe))
    seconds = needed.total / rate
    run = statistics.median(one.seconds for one in ours)
    return (
        f"  floor of the arithmetic: features {needed.features / 1e12:.3g} T multiply-adds, training "
        f"{needed.training / 1e12:.3g} T: {seconds:.1f} s at the matrix rate; ours takes {run:.1f} s, "
        f"{run / seconds:.1f} x that"
    )


def _clips(recipe: Recipe) -> Clips:
    parts = split(load_data(recipe.data, recipe.locales), recipe.seed, recipe.test_share)
    clips = [clip for _, clip in readable_clips(parts["train"], lambda name, reason: None)]
    lengths = [min(clip.seconds, recipe.window_seconds) for clip in clips]
    return Clips(len(parts["train"]), len(parts["test"]), statistics.mean(lengths))


def _median(figures: list[float | None], form: str) -> str:
    known = [figure for figure in figures if figure is not None]
    return format(statistics.median(known), form) if known else "-"


def _later_ratio(timings: list[Timing], ours: list[Timing]) -> str:
    pairs = zip(timings, ours, strict=True)
    ratios = [
        one.later_epochs / own.later_epochs
        for one, own in pairs
        if one.later_epochs and own.later_epochs
    ]
    return f"{statistics.median(ratios):.2f} x" if ratios else "-"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="minds14")
    parser.add_argument("--locale", nargs="+", default=["en-US"])
    parser.add_argument("--base", default="openai/whisper-tiny.en", help="a Whisper base")
    parser.add_argument("--wav2vec2", type=Path, help="a folder to take instead of a random one")
    parser.add_argument("--only", nargs="+", choices=PAIRS, default=PAIRS)
    parser.add_argument("--repeat", type=int, default=1, help="rounds")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--clips", type=int, help="training clips; a quarter as many are tested on")
    parser.add_argument("--epochs", type=int, help="of both sides, if not the recipe's")
    parser.add_argument("--window", type=int, help="seconds, if not the recipe's (for tiny bases)")
    parser.add_argument("--plain-epochs", type=int, help="of the plain sides")
    parser.add_argument("--plain-float32", action="store_true", dest="float32")
    return parser.parse_args()


if __name__ == "__main__":
    main()
