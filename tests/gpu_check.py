"""Check the GPU: `python -m tests.gpu_check [CHECKPOINT]` compares its answers with the CPU's.

Prints device, precision and the five likeliest intents of each example clip on both. Exits 0 if
they agree, 1 if they differ, 2 where there is no GPU or the checkpoint cannot be loaded.
"""

import sys
from collections.abc import Sequence

from intent.audio.clip import read_clip
from intent.devices import best_device, device_name, precision
from intent.errors import IntentError
from intent.models.classifier import Score, predict
from intent.models.loading import load
from intent.paths import BUNDLED, EXAMPLES

TOP_K = 5
TOLERANCE = 0.02  # half precision rounds: labels whose scores are closer may change places


def main(arguments: Sequence[str]) -> int:
    """Run the check and return its exit status."""
    device = best_device()
    if device == "cpu":
        print("no GPU here: not measured")
        return 2
    print(f"{device}: {device_name(device)}, {str(precision(device)).removeprefix('torch.')}")
    try:
        differing = compare(arguments[0] if arguments else BUNDLED, device)
    except IntentError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{differing} example clips differ" if differing else "GPU and CPU agree")
    return 1 if differing else 0


def compare(checkpoint: str, device: str) -> int:
    """Print the predictions of a device and of the CPU for each example clip; return how many differ."""
    there, here = load(checkpoint, device), load(checkpoint, "cpu")
    differing = 0
    for path in sorted(EXAMPLES.glob("*.wav")):
        clip = read_clip(path)
        on_device, on_cpu = predict(there, clip), predict(here, clip)
        verdict = "agree" if agree(on_device, on_cpu) else "DIFFER"
        differing += verdict != "agree"
        print(f"{path.name}: {verdict}")
        for name, scores in ((device, on_device), ("cpu", on_cpu)):
            print(f"  {name:5}", *(f"{score.label} {score.score:.3f}" for score in scores[:TOP_K]))
    return differing


def agree(one: Sequence[Score], other: Sequence[Score]) -> bool:
    """Whether the five likeliest labels are the same, in an order that rounding explains.

    At each place, `one` names the label of `other`, or one that `other` scores within TOLERANCE.
    """
    score_of = {score.label: score.score for score in other}
    return all(
        abs(score_of[mine.label] - theirs.score) <= TOLERANCE
        for mine, theirs in zip(one[:TOP_K], other[:TOP_K], strict=True)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
