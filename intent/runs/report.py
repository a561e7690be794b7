"""A run's report: its test results and the predictions for each test clip."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from intent.errors import RunError
from intent.evaluation.metrics import LabelMetrics, Mistake
from intent.evaluation.rejection import Rejection
from intent.json_reader import JsonError, read_json
from intent.runs.directory import RunDir

if TYPE_CHECKING:
    from intent.data.labelled_clip import LabelledClip

TOP = 5  # predictions kept of each clip
OLD = (
    "This run was made by an earlier version, which stored only its mistakes: train it again to see "
    "its calibration and to compare it with other runs."
)


@dataclass(frozen=True)
class AnsweredClip:
    """A test clip and the labels predicted for it, the highest score first."""

    hash: str  # of its audio; "" if it was not stored
    name: str
    locale: str
    transcription: str
    true: str
    top: tuple[tuple[str, float], ...]  # (label, score 0..1)
    flaw: str = ""  # a problem with the recording, from `intent.audio.quality.flaw`
    used: tuple[float, float] | None = None  # s, from and to; None: all of it

    def __post_init__(self) -> None:
        if not self.top:
            raise ValueError(f"The clip {self.name} has no prediction.")

    @property
    def predicted(self) -> str:
        """Return the predicted label."""
        return self.top[0][0]

    @property
    def score(self) -> float:
        """Return the score of the predicted label, 0..1."""
        return self.top[0][1]

    @property
    def right(self) -> bool:
        """Return whether the predicted label is the true label."""
        return self.predicted == self.true


@dataclass(frozen=True)
class Report:
    """The results of a run on its test clips; None and empty if it had none."""

    accuracy: float | None  # 0..1
    interval: tuple[float, float] | None  # 95 %
    ece: float | None  # expected calibration error, 0..1
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]  # a row per true label, a column per predicted one
    per_intent: dict[str, LabelMetrics]
    clips: tuple[AnsweredClip, ...]  # in old reports, only the mistakes
    is_whole: bool  # `clips` has every test clip
    rejection: Rejection | None = None  # None: the run has no reject label

    @property
    def reject_label(self) -> str | None:
        """Return the label that means "none of the intents"; None: there is none."""
        return self.rejection.label if self.rejection else None

    @property
    def mistakes(self) -> tuple[AnsweredClip, ...]:
        """Return the misclassified clips, the most confident predictions first."""
        wrong = (clip for clip in self.clips if not clip.right)
        return tuple(sorted(wrong, key=lambda clip: -clip.score))


def answered_clips(
    labels: Sequence[str],
    clips: Sequence["LabelledClip"],
    probabilities: np.ndarray,
    window_seconds: float = math.inf,
) -> tuple[AnsweredClip, ...]:
    """Return each clip with its five highest of the scores (clips, labels), 0..1.

    window_seconds: of the model, for the part of each clip that it used.
    """
    return tuple(
        AnsweredClip(
            clip.hash,
            clip.name,
            clip.locale,
            clip.transcription,
            labels[clip.label_id],
            tuple(
                (labels[i], round(float(row[i]), 6)) for i in np.argsort(-row, kind="stable")[:TOP]
            ),
            clip.flaw,
            _used(clip, window_seconds),
        )
        for clip, row in zip(clips, probabilities, strict=True)
    )


def _used(clip: "LabelledClip", window_seconds: float) -> tuple[float, float] | None:
    part = clip.part(window_seconds)
    end = min(part.end, part.start + window_seconds)
    return None if part.is_whole and end == part.end else (round(part.start, 3), round(end, 3))


def to_json(clips: Sequence[AnsweredClip]) -> list[dict[str, object]]:
    """Return the clips as JSON types."""
    return [dataclasses.asdict(clip) for clip in clips]


def read_report(run: RunDir) -> Report:
    """Return the report of a run; raises RunError if there is none that can be read."""
    try:
        return _report(read_json(_ReportFile, run.report_file.read_bytes(), extra="ignore"))
    except FileNotFoundError:
        raise RunError(
            f"Run {run.id} has no report yet: one is written when it ends or is stopped."
        ) from None
    except (OSError, JsonError) as error:
        raise RunError(
            f"The report of run {run.id} cannot be read ({error}): its model is not affected; "
            "evaluate it with python -m intent evaluate."
        ) from None


@dataclass(frozen=True)
class _Figures:
    """The part of an evaluation that is read; earlier versions may have written less."""

    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    ece: float | None = None
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    per_intent: dict[str, LabelMetrics] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    rejection: Rejection | None = None


@dataclass(frozen=True)
class _ReportFile:
    """The part of report.json that is read; earlier versions wrote no `clips`."""

    evaluation: _Figures | None
    clips: tuple[AnsweredClip, ...] | None = None


def _report(file: _ReportFile) -> Report:
    figures = file.evaluation or _Figures()
    return Report(
        accuracy=figures.accuracy,
        interval=figures.interval,
        ece=figures.ece,
        labels=figures.labels,
        confusion=figures.confusion,
        per_intent={
            label: one if one.support else LabelMetrics(None, None, None, 0)
            for label, one in figures.per_intent.items()
        },
        clips=tuple(map(_clip, figures.mistakes)) if file.clips is None else file.clips,
        is_whole=file.clips is not None,
        rejection=figures.rejection,
    )


def _clip(mistake: Mistake) -> AnsweredClip:
    top = ((mistake.predicted, mistake.score),)
    return AnsweredClip("", mistake.clip, "", mistake.transcription, mistake.true, top)
