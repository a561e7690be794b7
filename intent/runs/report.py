"""A run's report, read back: its figures, and what it answered to each test clip."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from intent.errors import RunError
from intent.evaluation.metrics import LabelFigures, Mistake
from intent.json_reader import JsonError, read_json
from intent.runs.directory import RunDir

if TYPE_CHECKING:
    from intent.data.labelled_clip import LabelledClip

TOP = 5  # answers kept of each clip
OLD = (
    "This run was made by an earlier version, which kept its mistakes alone, without the scores of "
    "its other answers: run it again to see how far its scores can be trusted, and to compare it."
)


@dataclass(frozen=True)
class AnsweredClip:
    """A test clip, and the likeliest answers that a model gave to it, the likeliest first."""

    hash: str  # of its sound; "" where it was not kept
    name: str
    locale: str
    transcription: str
    true: str
    top: tuple[tuple[str, float], ...]  # (label, score 0..1)
    flaw: str = ""  # what makes it hard to hear, as `intent.audio.quality.flaw` says

    def __post_init__(self) -> None:
        if not self.top:
            raise ValueError(f"The clip {self.name} has no answer.")

    @property
    def predicted(self) -> str:
        """The label of the likeliest answer."""
        return self.top[0][0]

    @property
    def score(self) -> float:
        """The score of the likeliest answer, 0..1."""
        return self.top[0][1]

    @property
    def right(self) -> bool:
        """Whether the likeliest answer is the true one."""
        return self.predicted == self.true


@dataclass(frozen=True)
class Report:
    """The figures of a run on its test clips; None and empty where it had none."""

    accuracy: float | None  # 0..1
    interval: tuple[float, float] | None  # 95 %
    ece: float | None  # expected calibration error, 0..1
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]  # a row a true label, a column a predicted one
    per_intent: dict[str, LabelFigures]
    clips: tuple[AnsweredClip, ...]  # of an old report its mistakes alone
    is_whole: bool  # every test clip is in `clips`

    @property
    def mistakes(self) -> tuple[AnsweredClip, ...]:
        """The clips that were heard as something else, the most confident answers first."""
        wrong = (clip for clip in self.clips if not clip.right)
        return tuple(sorted(wrong, key=lambda clip: -clip.score))


def answered_clips(
    labels: Sequence[str], clips: Sequence["LabelledClip"], probabilities: np.ndarray
) -> tuple[AnsweredClip, ...]:
    """Return the answers in scores (clips, labels), 0..1, five of each clip."""
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
        )
        for clip, row in zip(clips, probabilities, strict=True)
    )


def to_json(clips: Sequence[AnsweredClip]) -> list[dict[str, object]]:
    """Return the clips in types that JSON knows."""
    return [dataclasses.asdict(clip) for clip in clips]


def read_report(run: RunDir) -> Report:
    """Return the report of a run; raises RunError where there is none that can be read."""
    try:
        return _report(read_json(_ReportFile, run.report_file.read_bytes(), extra="ignore"))
    except FileNotFoundError:
        raise RunError(
            f"Run {run.id} has no report yet: one is written when it ends or is stopped."
        ) from None
    except (OSError, JsonError) as error:
        raise RunError(
            f"The report of run {run.id} cannot be read ({error}): its model is "
            "untouched; test it with python -m intent evaluate."
        ) from None


@dataclass(frozen=True)
class _Figures:
    """What is read of an evaluation; runs of earlier versions may lack some of it."""

    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    ece: float | None = None
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    per_intent: dict[str, LabelFigures] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class _ReportFile:
    """What is read of report.json; `clips` is None in those of earlier versions."""

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
        per_intent=figures.per_intent,
        clips=tuple(map(_clip, figures.mistakes)) if file.clips is None else file.clips,
        is_whole=file.clips is not None,
    )


def _clip(mistake: Mistake) -> AnsweredClip:
    top = ((mistake.predicted, mistake.score),)
    return AnsweredClip("", mistake.clip, "", mistake.transcription, mistake.true, top)
