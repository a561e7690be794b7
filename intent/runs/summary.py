"""The summary of a run, as the page, the API and the command line show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from intent.errors import RunError
from intent.paths import folder_bytes
from intent.recipes import Recipe
from intent.runs.directory import RunDir, history_of
from intent.runs.events import Failed, Finished, Progress
from intent.runs.live import queued_runs
from intent.runs.store import LIVE_STATES, RESUMABLE, State, state


@dataclass(frozen=True)
class RunSummary:
    """One run in a list of runs."""

    run: RunDir
    name: str
    owner: str | None  # as in RunDir.owner
    recipe: Recipe | None  # None: it cannot be read
    state: State
    place: int | None  # in the queue, from 1
    phase: str
    progress: Progress | None  # of the current phase
    accuracy: float | None  # 0..1, the final one, else that of the latest evaluation
    interval: tuple[float, float] | None  # 95 %, of the final accuracy
    test_clips: int | None  # behind the final accuracy
    seconds: float | None  # of training, once the run has finished
    message: str  # why the run failed, else ""
    bytes: int  # of all its files
    has_model: bool
    events: int  # recorded so far

    @property
    def id(self) -> str:
        """Return the run's id."""
        return self.run.id

    @property
    def is_live(self) -> bool:
        """Return whether the run is training or queued."""
        return self.state in LIVE_STATES

    @property
    def is_resumable(self) -> bool:
        """Return whether the run can be resumed."""
        return self.state in RESUMABLE


def summarize(run: RunDir, queue: Sequence[RunDir] | None = None) -> RunSummary:
    """Return the summary of a run; `queue`: the folder's queue, if it was read already."""
    now = state(run)
    if now != "queued":
        queue = ()
    elif queue is None:
        queue = queued_runs(run.path.parent)
    history = history_of(run)
    end = history.end
    finished = end if isinstance(end, Finished) else None
    return RunSummary(
        run=run,
        name=run.name,
        owner=run.owner,
        recipe=_recipe(run),
        state=now,
        place=queue.index(run) + 1 if run in queue else None,
        phase=history.phase,
        progress=history.progress,
        accuracy=history.accuracy,
        interval=finished.interval if finished else None,
        test_clips=finished.clips if finished else None,
        seconds=finished.seconds if finished else None,
        message=end.message if isinstance(end, Failed) else "",
        bytes=folder_bytes(run.path),
        has_model=run.model.is_dir(),
        events=history.count,
    )


def _recipe(run: RunDir) -> Recipe | None:
    try:
        return run.recipe()
    except RunError:
        return None
