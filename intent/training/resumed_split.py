"""Give a resumed run its original split, even if its data set has changed since."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from intent.checkpoints.provenance import read_provenance
from intent.data.labelled_clip import LabelledClip
from intent.errors import RunError
from intent.runs.directory import RunDir
from intent.runs.kept_split import KeptClip, KeptSplit, read_split
from intent.training.gradient.trainer import last_checkpoint

MAX_NAMED = 50  # changed clips of each kind; the others are counted
NEW = (
    "It was added to the data set after this run began, and is not used. Start a new run to use it."
)
GONE = "It was in the {part} set when this run began, but is no longer in the data set."
RELABELED = "Its label was {before} when this run began, but is {now} now: it is not used."


@dataclass(frozen=True)
class Earlier:
    """What earlier sessions of a run stored: its split, its labels and its training clips."""

    split: KeptSplit | None = None  # None: made by an earlier version, or no data was read yet
    labels: tuple[str, ...] = ()  # (): there is nothing to resume
    trained_on: frozenset[str] = frozenset()  # clip hashes, including those of the base
    counts: tuple[int, int] | None = None  # training and test clips of a run without a split


def earlier_sessions(run: RunDir) -> Earlier:
    """Return what earlier sessions of a run stored; raises RunError if it cannot be read."""
    split, checkpoint = read_split(run), last_checkpoint(run)
    provenance = read_provenance(run.model) if checkpoint else None
    trained_on = frozenset(provenance.trained_on) if provenance else frozenset()
    if split:
        return Earlier(split, split.labels, trained_on | split.trained_on)
    started = run.history().started if checkpoint else None
    if not started:
        return Earlier()
    counts = None if provenance else (started.train_clips, started.test_clips)
    return Earlier(None, started.labels, trained_on, counts)


def check_same_labels(earlier: Earlier, labels: tuple[str, ...]) -> None:
    """Raise RunError if the data set does not have the labels that the run began with."""
    if not earlier.labels or earlier.labels == labels:
        return
    new = [label for label in labels if label not in earlier.labels]
    gone = [label for label in earlier.labels if label not in labels]
    changes = [
        f"{what}: {', '.join(some)}" for what, some in (("new", new), ("gone", gone)) if some
    ]
    raise RunError(
        f"This run began with {len(earlier.labels)} labels, but its data set has other labels now "
        f"({'; '.join(changes) or 'in another order'}). Restore the data set, or start a new run."
    )


def check_not_trained_on(
    earlier: Earlier, seen: Collection[str], train: int, tested: Sequence[LabelledClip]
) -> None:
    """Raise RunError if a run without a stored split would be tested on its training clips.

    seen: the clips that its base was trained on; train: the number of training clips now.
    """
    if earlier.split:  # it keeps training clips out of the test set
        return
    again = sum(clip.hash in earlier.trained_on and clip.hash not in seen for clip in tested)
    if again or earlier.counts not in (None, (train, len(tested))):
        leak = f"{again} of its {len(tested)} test recordings were trained on. " if again else ""
        raise RunError(
            "The data set has changed since this run began, and the run has no list of its recordings. "
            f"{leak}Restore the data set, or start a new run."
        )


def kept_split(
    labels: tuple[str, ...], train: Sequence[LabelledClip], test: Sequence[LabelledClip]
) -> KeptSplit:
    """Return the split of a run's clips, to be stored."""

    def kept(clips: Sequence[LabelledClip]) -> tuple[KeptClip, ...]:
        return tuple(KeptClip(clip.hash, clip.name, labels[clip.label_id]) for clip in clips)

    return KeptSplit(labels, kept(train), kept(test))


@dataclass
class _Pool:
    """The clips that the data set has now; each can be taken once."""

    labels: tuple[str, ...]
    clips: dict[tuple[str, str], list[LabelledClip]] = field(default_factory=dict)

    def take(self, kept: KeptClip) -> LabelledClip | None:
        """Return the clip with the same audio and label as a stored one, or None."""
        same = self.clips.get((kept.hash, kept.label), [])
        index = next((i for i, clip in enumerate(same) if clip.name == kept.name), 0)
        return same.pop(index) if same else None


def restore(
    split: KeptSplit, clips: Sequence[LabelledClip], on_change: Callable[[str, str], None]
) -> tuple[list[LabelledClip], list[LabelledClip]]:
    """Return the training and test clips of the stored split that the data set still has.

    Calls `on_change(name, reason)` for each clip that is gone, new or has another label.
    """
    pool = _Pool(split.labels)
    for clip in clips:
        pool.clips.setdefault((clip.hash, split.labels[clip.label_id]), []).append(clip)
    found: dict[str, list[LabelledClip]] = {}
    gone: list[tuple[KeptClip, str]] = []
    for part, kept in (("training", split.train), ("test", split.test)):
        taken = [(one, pool.take(one)) for one in kept]
        found[part] = [clip for _, clip in taken if clip]
        gone += [(one, part) for one, clip in taken if not clip]
    left = [clip for same in pool.clips.values() for clip in same]
    _name_changes(gone, left, split.labels, on_change)
    return found["training"], found["test"]


def _name_changes(
    gone: Sequence[tuple[KeptClip, str]],
    left: Sequence[LabelledClip],
    labels: tuple[str, ...],
    on_change: Callable[[str, str], None],
) -> None:
    """Report the clips that are missing, have another label, or are new."""
    label_now = {clip.hash: labels[clip.label_id] for clip in left}
    missing, relabeled = [], []
    for kept, part in gone:
        if kept.hash in label_now:
            now = label_now[kept.hash]
            relabeled.append((kept.name, RELABELED.format(before=kept.label, now=now)))
        else:
            missing.append((kept.name, GONE.format(part=part)))
    known = {kept.hash for kept, _ in gone}
    new = [(clip.name, NEW) for clip in left if clip.hash not in known]
    for changes in (missing, relabeled, new):
        for name, reason in changes[:MAX_NAMED]:
            on_change(name, reason)
        if len(changes) > MAX_NAMED:
            on_change(f"{len(changes) - MAX_NAMED} more", changes[-1][1])
