"""Compare answers at each clip's own length with the stock pipeline's, on clips not trained on.

Run by hand: `python -m tests.benchmarks.own_length RUNS`, a folder of finished runs such as
`results --keep DIR` leaves in DIR/runs. Prints, for all of their test sets pooled, on how many clips
both predict the same intent, how much their scores differ, and the processor time of each.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from intent.audio.clip import clip_hash, read_clip
from intent.checkpoints.provenance import read_provenance
from intent.data.dataset import load_data, readable_clips, split
from intent.library_output import quiet_libraries
from intent.models.classifier import heard_part, predict_all
from intent.models.loading import Loaded, load
from intent.paths import EXAMPLES
from intent.recipes import Recipe
from intent.runs.store import list_runs, state

Comparison = tuple[bool, float, float, float]  # same intent, largest difference, seconds of both


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path)
    arguments = parser.parse_args()
    quiet_libraries()
    torch.set_num_threads(1)  # so that the time of this thread is that of all the work
    found = [
        comparison
        for run in list_runs(arguments.runs)
        if state(run) == "done"
        for comparison in compare(load(str(run.model), "cpu"), run.model, run.recipe())
    ]
    same, differences, stock, own = (np.array(column) for column in zip(*found, strict=True))
    print(
        f"{same.sum()} of {len(same)} clips with the same intent ({same.mean():.2%}); "
        f"scores differ by {differences.mean():.5f} on average, {differences.max():.3f} at most; "
        f"{1000 * stock.mean():.1f} ms a clip by the stock pipeline at the model's window, "
        f"{1000 * own.mean():.1f} ms at own length: {stock.sum() / own.sum():.2f} times as fast"
    )


def compare(model: Loaded, folder: Path, recipe: Recipe) -> list[Comparison]:
    """Compare the two on the test set of a run."""
    provenance = read_provenance(folder)
    trained_on = set(provenance.trained_on if provenance else ())
    test = split(load_data(recipe.data, recipe.locales), recipe.seed, recipe.test_share)["test"]
    _compare(model, heard_part(model, read_clip(min(EXAMPLES.glob("*.wav"))))[1])  # warm-up
    return [
        _compare(model, heard_part(model, clip)[1])
        for _, clip in readable_clips(test, lambda name, reason: None)
        if clip_hash(clip) not in trained_on
    ]


def _compare(model: Loaded, samples: np.ndarray) -> Comparison:
    times = [time.thread_time()]
    stock = {one["label"]: one["score"] for one in model.pipeline(samples, top_k=None)}
    times.append(time.thread_time())
    [scores] = predict_all(model, [samples])
    times.append(time.thread_time())
    own = {one.label: one.score for one in scores}
    difference = max(abs(own[label] - score) for label, score in stock.items())
    return (
        max(own, key=own.__getitem__) == max(stock, key=stock.__getitem__),
        difference,
        *np.diff(times),
    )


if __name__ == "__main__":
    main()
