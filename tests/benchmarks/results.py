"""Accuracy and time of recipes over several seeds, by the command line's own train command.

    python -m tests.benchmarks.results --data minds14 --base openai/whisper-tiny.en \\
        --recipe instant recommended --seeds 42 43 44 [--locale en-US] [--set name=value]

Prints one Markdown row for each recipe: each seed is a split of its own. Times are whole commands,
from the click to the report, features of sounds that an earlier seed heard taken from the cache; the
first seed's time, with an empty cache, is given by itself. `--stock` has stock pipeline answer all
test clips of each run once more and fails unless its accuracy is the one that was reported.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from intent.quiet import quiet_libraries


def main() -> None:
    """Run what the arguments ask for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="minds14")
    parser.add_argument("--locale", nargs="+", default=["en-US"])
    parser.add_argument("--base", default="bundled")
    parser.add_argument("--recipe", nargs="+", default=["instant"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--set", nargs="+", default=[], dest="changes")
    parser.add_argument("--stock", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print("| recipe | base | trained on | seeds | accuracy | spread | first run | later runs |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for recipe in options.recipe:
            print(row(recipe, options, Path(folder)), flush=True)


def row(recipe: str, options: argparse.Namespace, folder: Path) -> str:
    """Return the Markdown row of one recipe over all seeds."""
    results = [train(recipe, seed, options, folder) for seed in options.seeds]
    accuracies = [accuracy for accuracy, _ in results]
    seconds = [spent for _, spent in results]
    later = f"{statistics.mean(seconds[1:]):.0f} s" if seconds[1:] else "not measured"
    return (
        f"| {recipe} {' '.join(options.changes)} | {options.base} | {' + '.join(options.locale)} "
        f"| {', '.join(map(str, options.seeds))} | {statistics.mean(accuracies):.3f} "
        f"| {min(accuracies):.3f}–{max(accuracies):.3f} | {seconds[0]:.0f} s | {later} |"
    )


def train(recipe: str, seed: int, options: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Return accuracy (0..1) and seconds of one training command."""
    command = [
        sys.executable, "-m", "intent", "train", "--data", options.data, "--base", options.base,
        "--locale", *options.locale, "--recipe", recipe, "--seed", str(seed),
        "--runs", str(folder / "runs"), "--json",
    ]  # fmt: skip
    command += ["--set", *options.changes] if options.changes else []
    environment = {**os.environ, "INTENT_CACHE": str(folder / "cache" / recipe)}
    started = time.monotonic()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - started
    result = json.loads(done.stdout.strip().split("\n")[-1])
    if options.stock:
        check_with_stock_pipeline(Path(result["directory"]) / "model", seed, options, result)
    return result["accuracy"], seconds


def check_with_stock_pipeline(
    model: Path, seed: int, options: argparse.Namespace, result: dict[str, object]
) -> None:
    """Exit unless stock pipeline scores the run's test part as the run said."""
    from transformers import pipeline

    from intent.audio import resample
    from intent.data import label_names, load_data, readable_clips, split

    test = split(load_data(options.data, options.locale), seed)["test"]
    names = label_names(test)
    stock = pipeline("audio-classification", model=str(model))
    rate = stock.feature_extractor.sampling_rate
    right = [
        stock(resample(clip, rate).samples)[0]["label"] == names[test[index]["label"]]
        for index, clip in readable_clips(test, lambda name, reason: None)
    ]
    accuracy = sum(right) / len(right)
    if abs(accuracy - result["accuracy"]) > 1e-9:
        sys.exit(f"seed {seed}: stock pipeline {accuracy:.4f}, the run {result['accuracy']:.4f}")


if __name__ == "__main__":
    main()
