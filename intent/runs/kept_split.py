"""Store the split of a run in its folder, so that a resumed run is not tested on training clips."""

import dataclasses
import json
from dataclasses import dataclass

from intent.errors import RunError
from intent.json_reader import JsonError, read_json
from intent.paths import written_whole
from intent.runs.directory import RunDir


@dataclass(frozen=True)
class KeptClip:
    """A clip in one split of a run's data set."""

    hash: str  # of its whole recording
    name: str
    label: str


@dataclass(frozen=True)
class KeptSplit:
    """The readable clips of each split when the run began, in order."""

    labels: tuple[str, ...]  # in the order of their ids
    train: tuple[KeptClip, ...]
    test: tuple[KeptClip, ...]  # also those left out of the test

    @property
    def trained_on(self) -> frozenset[str]:
        """Return the hashes of the training clips."""
        return frozenset(clip.hash for clip in self.train)


def write_split(run: RunDir, split: KeptSplit) -> None:
    """Write the split of a run, atomically."""
    with written_whole(run.split_file, durable=True) as file:
        file.write(json.dumps(dataclasses.asdict(split)).encode())


def read_split(run: RunDir) -> KeptSplit | None:
    """Return the split of a run, or None if there is none; raises RunError if it is damaged.

    Runs of earlier versions, and runs that ended before they had read their data, have none.
    """
    try:
        return read_json(KeptSplit, run.split_file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, JsonError) as error:
        raise RunError(
            f"The list of training and test recordings of run {run.id} cannot be read "
            f"({str(error).rstrip('.')}): start a new run."
        ) from None
