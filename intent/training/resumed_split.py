"""Give a resumed run the split that it began with, whatever has become of its data set since."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from intent.checkpoints.provenance import read_provenance
from intent.data.labelled_clip import LabelledClip
from intent.errors import RunError
from intent.runs.directory import RunDir
from intent.runs.kept_split import KeptClip, KeptSplit, read_split
from intent.training.gradient.trainer import last_checkpoint

MAX_NAMED = 50  # changed clips of each kind; the others are counted
NEW = "It is new in the data set since this run began, and is not used. Start a new run to use it."
GONE = "It was in the {part} set when this run began, and is no longer in the data set."
RELABELLED = "Its label was {before} when this run began, and is {now} now: it is not used."


@dataclass(frozen=True)
class Earlier:
    """What earlier sessions of a run left: its split, its labels and what it learnt."""

    split: KeptSplit | None = None  # None: of an earlier version, or nothing was read yet
    labels: tuple[str, ...] = ()  # (): there is nothing to resume
    learnt: frozenset[str] = frozenset()  # clip hashes, those of the base included
    counts: tuple[int, int] | None = None  # training and test clips of a run without a split


def earlier_sessions(run: RunDir) -> Earlier:
    """Return what earlier sessions of a run left; raises RunError if it cannot be read."""
    split, checkpoint = read_split(run), last_checkpoint(run)
    provenance = read_provenance(run.model) if checkpoint else None
    learnt = frozenset(provenance.trained_on) if provenance else frozenset()
    if split:
        return Earlier(split, split.labels, learnt | split.learnt)
    started = run.history().started if checkpoint else None
    if not started:
        return Earlier()
    counts = None if provenance else (started.train_clips, started.test_clips)
    return Earlier(None, started.labels, learnt, counts)


def check_same_labels(earlier: Earlier, labels: tuple[str, ...]) -> None:
    """Raise RunError if the labels of the data set are not those that the run began with."""
    if not earlier.labels or earlier.labels == labels:
        return
    new = [label for label in labels if label not in earlier.labels]
    gone = [label for label in earlier.labels if label not in labels]
    changes = [
        f"{what}: {', '.join(some)}" for what, some in (("new", new), ("gone", gone)) if some
    ]
    raise RunError(
        f"This run began with {len(earlier.labels)} labels, and its data set has others now "
        f"({'; '.join(changes) or 'in another order'}). Restore the data set, or start a new run."
    )


def check_none_learnt(
    earlier: Earlier, seen: Collection[str], train: int, tested: Sequence[LabelledClip]
) -> None:
    """Raise RunError if a run without a kept split would test on clips that it has learnt.

    seen: the clips that its base was trained on; train: the number of training clips now.
    """
    if earlier.split:  # which leaves what was learnt out of the test
        return
    again = sum(clip.hash in earlier.learnt and clip.hash not in seen for clip in tested)
    if again or earlier.counts not in (None, (train, len(tested))):
        learnt = f"{again} of its {len(tested)} test recordings were trained on. " if again else ""
        raise RunError(
            "The data set has changed since this run began, and the run kept no list of its recordings. "
            f"{learnt}Restore the data set, or start a new run."
        )


def kept_split(
    labels: tuple[str, ...], train: Sequence[LabelledClip], test: Sequence[LabelledClip]
) -> KeptSplit:
    """Return the split to keep of a run's clips."""

    def kept(clips: Sequence[LabelledClip]) -> tuple[KeptClip, ...]:
        return tuple(KeptClip(clip.hash, clip.name, labels[clip.label_id]) for clip in clips)

    return KeptSplit(labels, kept(train), kept(test))


@dataclass
class _Pool:
    """The clips of the data set now, of which each is taken once."""

    labels: tuple[str, ...]
    clips: dict[tuple[str, str], list[LabelledClip]] = field(default_factory=dict)

    def take(self, kept: KeptClip) -> LabelledClip | None:
        """Return the clip that is the kept one, by its sound and its label, or None."""
        same = self.clips.get((kept.hash, kept.label), [])
        index = next((i for i, clip in enumerate(same) if clip.name == kept.name), 0)
        return same.pop(index) if same else None


def restore(
    split: KeptSplit, clips: Sequence[LabelledClip], on_change: Callable[[str, str], None]
) -> tuple[list[LabelledClip], list[LabelledClip]]:
    """Return the training and test clips of the kept split, as far as the data set has them.

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
    """Name the clips that are gone, have another label, or are new."""
    label_now = {clip.hash: labels[clip.label_id] for clip in left}
    missing, relabelled = [], []
    for kept, part in gone:
        if kept.hash in label_now:
            now = label_now[kept.hash]
            relabelled.append((kept.name, RELABELLED.format(before=kept.label, now=now)))
        else:
            missing.append((kept.name, GONE.format(part=part)))
    known = {kept.hash for kept, _ in gone}
    new = [(clip.name, NEW) for clip in left if clip.hash not in known]
    for changes in (missing, relabelled, new):
        for name, reason in changes[:MAX_NAMED]:
            on_change(name, reason)
        if len(changes) > MAX_NAMED:
            on_change(f"{len(changes) - MAX_NAMED} more", changes[-1][1])
