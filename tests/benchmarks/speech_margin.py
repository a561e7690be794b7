"""Cross-validate how much of a recording to keep before and after its speech, on training clips only.

    python -m tests.benchmarks.speech_margin --data minds14 --base openai/whisper-tiny.en --seed 0

Prints for each margin the accuracy and the log loss of Instant's head over repeated five-fold
cross-validation within the training set of one seed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold

from intent.audio import speech_part
from intent.library_output import quiet_libraries
from intent.models.encoders import family
from intent.models.linear_head import fit_linear_head, probabilities
from intent.recipes import change, preset
from intent.runs.store import create_run
from intent.training.context import Watch, Work
from intent.training.pooling import pooled_rows
from intent.training.prepare import prepare

MARGINS = (15.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.0)  # s
FOLDS, REPEATS = 5, 4
MIN_SCORE = 1e-12  # keeps the log loss finite


def main() -> None:
    """Measure each margin and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="minds14")
    parser.add_argument("--locale", nargs="+", default=["en-US"])
    parser.add_argument("--base", default="openai/whisper-tiny.en")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--margins", nargs="+", type=float, default=MARGINS)
    options = parser.parse_args()
    quiet_libraries()
    named = {name: getattr(options, name) for name in ("data", "base", "seed")}
    recipe = change(preset("instant", family(options.base)), {**named, "locales": options.locale})
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(Path(folder), recipe)
        work = prepare(recipe, run, lambda event: None, Watch(lambda: False, None))
        speech_part.MARGIN_OF_WINDOW = 1.0
        for margin in options.margins:
            speech_part.MARGIN_SECONDS = margin
            accuracy, loss = cross_validated(work)
            cut = sum(not clip.part(recipe.window_seconds).is_whole for clip in work.train)
            print(
                f"{margin:g} s: {cut} of {len(work.train)} clips are cut, "
                f"accuracy {accuracy:.4f}, log loss {loss:.4f}",
                flush=True,
            )


def cross_validated(work: Work) -> tuple[float, float]:
    """Return the mean accuracy and log loss (nats) of Instant's head on left-out training clips."""
    rows = np.stack([row for _, row in pooled_rows(work, work.train)])  # (clips, copies, width)
    _, copies, width = rows.shape
    ids = np.array([clip.label_id for clip in work.train])
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=1)
    figures = []
    for train, left_out in folds.split(ids, ids):
        features = rows[train].reshape(-1, width)
        head = fit_linear_head(features, np.repeat(ids[train], copies), len(work.labels))
        scores = probabilities(rows[left_out, 0], head)
        of_true = scores[np.arange(len(left_out)), ids[left_out]]
        loss = -np.log(np.maximum(of_true, MIN_SCORE)).mean()
        figures.append(((scores.argmax(1) == ids[left_out]).mean(), loss))
    accuracy, loss = np.mean(figures, axis=0)
    return float(accuracy), float(loss)


if __name__ == "__main__":
    main()
