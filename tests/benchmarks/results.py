"""Measure accuracy and time of recipes over several seeds with the train command.

    python -m tests.benchmarks.results --data minds14 --base openai/whisper-tiny.en \\
        --recipe instant recommended --seeds 42 43 44 [--locale en-US en-GB] [--set name=value] \\
        [--stock] [--write] [--readme] [--keep DIR] [--only-times]

Prints one Markdown row for each recipe: each seed is a split of its own. Accuracy is that of one
locale's test parts, the first of `--locale` unless `--test-locale` says otherwise. Times are whole
commands; features of clips that an earlier seed computed come from the cache, and the first seed's
time, with an empty cache, is given separately. `--stock` classifies all test clips of each run once
more with the stock pipeline, and fails unless the accuracy is the reported one; calibration error and
macro F1 come from these scores. `--write`, which implies it, keeps
the rows in assets/results.json; `--readme` renders README's table from there. `--base-name` is the
Hub id of a base that was given as a folder.

`--keep DIR` leaves runs and features in a folder, so that a long measurement can be interrupted and
resumed: finished runs are not trained again, and features are not computed again. No time is measured
then. `--only-times` measures nothing else, from an empty cache, for a row that is in
assets/results.json already; two seeds are enough for that.
"""

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from intent.evaluation.benchmark_results import Measured, find
from intent.library_output import quiet_libraries
from intent.models.encoders import family
from intent.recipes import Recipe, change, preset
from intent.runs.store import list_runs, state
from tests.benchmarks.commands import train_command
from tests.benchmarks.machine import machine_name
from tests.benchmarks.results_table import (
    HEAD,
    add_measured,
    measured_cells,
    row_text,
    write_readme,
)
from tests.benchmarks.stock import StockAnswers, pooled, stock_answers


@dataclass(frozen=True)
class Seed:
    """What the run of one seed gave: accuracy (0..1) on the test locale, and its command's time.

    There is no time where something was there already.
    """

    accuracy: float
    seconds: float | None
    answers: StockAnswers | None


def main() -> None:
    """Run what the arguments ask for and print a table."""
    options = _parse()
    quiet_libraries()
    print(HEAD, flush=True)
    for recipe in options.recipe:
        # Where times count, each recipe begins with an empty cache.
        kept = nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory()
        with kept as folder:
            measured = measure(recipe, options, Path(folder))
        print(row_text(measured_cells(measured)), flush=True)
        if options.write:
            add_measured(measured)
    if options.readme:
        write_readme()


def measure(recipe: str, options: argparse.Namespace, folder: Path) -> Measured:
    """Return what one recipe reaches over all seeds."""
    row = find(recipe, options.base_name or options.base, options.locale)
    if options.only_times and row is None:
        sys.exit(f"there is no row of {recipe} yet that a time could be added to")
    seeds = [train(recipe, seed, options, folder) for seed in options.seeds]
    first, *later = [seed.seconds for seed in seeds]
    times = {
        "first_seconds": _rounded(first, 1),
        "later_seconds": _rounded(statistics.mean(later), 1) if later and first else None,
        "machine": options.machine or machine_name(),
    }
    if options.only_times:
        return replace(row, **times)
    if options.keep:
        times = {name: getattr(row, name, None) for name in times}
    parts = [seed.answers for seed in seeds if seed.answers]
    figures = [part.figures(_tested(part, options.test_locale)) for part in parts]
    together = pooled(parts) if parts else None
    return Measured(
        recipe=" ".join([recipe, *options.changes]),
        base=options.base_name or options.base,
        data=options.data_name,
        locales=tuple(options.locale),
        test_locale=options.test_locale,
        seeds=tuple(options.seeds),
        accuracies=tuple(round(seed.accuracy, 6) for seed in seeds),
        ece=_rounded(together and together.figures(_tested(together, options.test_locale)).ece),
        macro_f1=_rounded(statistics.mean(one.macro_f1 for one in figures) if figures else None),
        date=datetime.date.today().isoformat(),
        **times,
    )


def train(recipe: str, seed: int, options: argparse.Namespace, folder: Path) -> Seed:
    """Run one training command, and the stock pipeline on its checkpoint if requested."""
    run, seconds = kept_run(recipe, seed, options, folder / "runs"), None
    if run is None:
        result, seconds = train_command(
            options.data, options.base, options.locale, recipe, seed, folder, options.changes
        )
        run = Path(result["directory"])
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))["evaluation"]
    accuracy = accuracy_of(report, options.test_locale)
    seconds = None if options.keep else seconds
    if not options.stock:
        return Seed(accuracy, seconds, None)
    answers = check_with_stock_pipeline(run / "model", seed, options, report)
    return Seed(accuracy, seconds, answers)


def kept_run(recipe: str, seed: int, options: argparse.Namespace, runs: Path) -> Path | None:
    """Return the folder of a run that has done just this, or None."""
    requested = recipe_of(recipe, seed, options)
    done = (
        run.path for run in list_runs(runs) if state(run) == "done" and run.recipe() == requested
    )
    return next(done, None)


def recipe_of(recipe: str, seed: int, options: argparse.Namespace) -> Recipe:
    """Return what the training command makes of the arguments."""
    changes = dict(one.split("=", 1) for one in options.changes)
    named = {"data": options.data, "locales": options.locale, "base": options.base, "seed": seed}
    return change(preset(recipe, family(options.base)), {**named, **changes})


def accuracy_of(report: dict[str, object], locale: str) -> float:
    """Return a report's accuracy on one locale, or on all clips where they have no locale."""
    per_locale = report["per_locale"]
    if not per_locale:
        return report["accuracy"]
    if locale not in per_locale:
        sys.exit(f"no test clip is {locale}: choose --test-locale from {', '.join(per_locale)}")
    return per_locale[locale]["accuracy"]


def check_with_stock_pipeline(
    model: Path, seed: int, options: argparse.Namespace, report: dict[str, object]
) -> StockAnswers:
    """Return stock pipeline's answers; exit unless they score as the run's report says."""
    answers = stock_answers(model, options.data, options.locale, seed)
    accuracy = answers.figures().accuracy
    if accuracy is None or abs(accuracy - report["accuracy"]) > 1e-9:
        sys.exit(f"seed {seed}: stock pipeline {accuracy}, the run {report['accuracy']:.4f}")
    return answers


def _tested(answers: StockAnswers, locale: str) -> str | None:
    return locale if locale in answers.locales else None


def _rounded(figure: float | None, digits: int = 4) -> float | None:
    return None if figure is None else round(figure, digits)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="minds14")
    parser.add_argument("--data-name", default="minds14", help="of a data set given as a folder")
    parser.add_argument("--locale", nargs="+", default=["en-US"])
    parser.add_argument("--test-locale", help="by default the first of --locale")
    parser.add_argument("--base", default="bundled")
    parser.add_argument("--base-name", help="the Hub id of a base given as a folder")
    parser.add_argument("--recipe", nargs="*", default=["instant"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--set", nargs="+", default=[], dest="changes")
    parser.add_argument("--machine", help="its name in the table, if not the one found")
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--write", action="store_true", help="keep rows in assets/results.json")
    parser.add_argument("--readme", action="store_true", help="render README's table anew")
    parser.add_argument("--keep", type=Path, help="a folder for runs and features")
    parser.add_argument("--only-times", action="store_true", help="of rows that are there already")
    options = parser.parse_args()
    options.test_locale = options.test_locale or options.locale[0]
    options.stock |= options.write and not options.only_times
    if options.only_times and options.keep:
        parser.error("--only-times begins with an empty cache: leave out --keep")
    if options.write and options.changes:
        parser.error("--write keeps rows of presets as they are: leave out --set")
    if options.write and Path(options.base).is_dir() and not options.base_name:
        parser.error("--write needs the base's Hub id: give it by --base-name")
    return options


if __name__ == "__main__":
    main()
