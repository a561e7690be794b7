"""Accuracy and time of recipes over several seeds, by the command line's own train command.

    python -m tests.benchmarks.results --data minds14 --base openai/whisper-tiny.en \\
        --recipe instant recommended --seeds 42 43 44 [--locale en-US en-GB] [--set name=value] \\
        [--stock] [--write] [--readme]

Prints one Markdown row for each recipe: each seed is a split of its own. Accuracy is that of one
locale's test parts, the first of `--locale` unless `--test-locale` says otherwise. Times are whole
commands, from the click to the report, features of sounds that an earlier seed heard taken from the
cache; the first seed's time, with an empty cache, is given by itself. `--stock` has stock pipeline
answer all test clips of each run once more and fails unless its accuracy is the one that was
reported; calibration error and macro F1 come from these answers. `--write`, which implies it, keeps
the rows in assets/results.json; `--readme` renders README's table from there. `--base-name` is the
Hub id of a base that was given as a folder.
"""

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from intent.measured import Measured, add_measured
from intent.quiet import quiet_libraries
from tests.benchmarks.commands import train_command
from tests.benchmarks.machine import machine_name
from tests.benchmarks.results_table import HEAD, measured_cells, row_text, write_readme
from tests.benchmarks.stock import StockAnswers, pooled, stock_answers


@dataclass(frozen=True)
class Seed:
    """What the run of one seed gave: accuracy (0..1) on the test locale, and its command's time."""

    accuracy: float
    seconds: float
    answers: StockAnswers | None


def main() -> None:
    """Run what the arguments ask for and print a table."""
    options = _parse()
    quiet_libraries()
    print(HEAD, flush=True)
    for recipe in options.recipe:
        with tempfile.TemporaryDirectory() as folder:  # each recipe begins with an empty cache
            measured = measure(recipe, options, Path(folder))
        print(row_text(measured_cells(measured)), flush=True)
        if options.write:
            add_measured(measured)
    if options.readme:
        write_readme()


def measure(recipe: str, options: argparse.Namespace, folder: Path) -> Measured:
    """Return what one recipe reaches over all seeds."""
    seeds = [train(recipe, seed, options, folder) for seed in options.seeds]
    parts = [seed.answers for seed in seeds if seed.answers]
    figures = [part.figures(_tested(part, options.test_locale)) for part in parts]
    together = pooled(parts) if parts else None
    later = [seed.seconds for seed in seeds[1:]]
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
        first_seconds=round(seeds[0].seconds, 1),
        later_seconds=round(statistics.mean(later), 1) if later else None,
        machine=options.machine or machine_name(),
        date=datetime.date.today().isoformat(),
    )


def train(recipe: str, seed: int, options: argparse.Namespace, folder: Path) -> Seed:
    """Run one training command, and stock pipeline on what came out if that is asked for."""
    result, seconds = train_command(
        options.data, options.base, options.locale, recipe, seed, folder, options.changes
    )
    run = Path(result["directory"])
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))["evaluation"]
    accuracy = accuracy_of(report, options.test_locale)
    if not options.stock:
        return Seed(accuracy, seconds, None)
    answers = check_with_stock_pipeline(run / "model", seed, options, report)
    return Seed(accuracy, seconds, answers)


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


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 4)


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
    options = parser.parse_args()
    options.test_locale = options.test_locale or options.locale[0]
    options.stock |= options.write
    if options.write and options.changes:
        parser.error("--write keeps rows of presets as they are: leave out --set")
    if options.write and Path(options.base).is_dir() and not options.base_name:
        parser.error("--write needs the base's Hub id: give it by --base-name")
    return options


if __name__ == "__main__":
    main()
