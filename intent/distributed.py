"""Several processes that train one run together: who leads, what all know, and how all end.

A launcher (`accelerate launch`, `torchrun`) starts the same command in each of them. Rank 0 leads: it
alone has the run's lock, tells its events and writes its files. The others help: they go the same
way in step with it, to its word on when to end, and say nothing. A process that nobody launched so is
alone, and of all here nothing happens to it.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from intent.errors import IntentError, RunError

if TYPE_CHECKING:
    import torch.distributed as dist

Value = TypeVar("Value")

PATIENCE = timedelta(days=30)  # one may wait in the queue, or fetch data, while the others stand by
LAST_WORDS_SECONDS = 30  # that a process which failed waits for the leader to have told it
OF_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")  # environment variables
FAILURE, ENDED = "intent/failure", "intent/ended"  # left for the others in the launcher's store


class Released(Exception):
    """The leader goes on alone: this process has done its share."""


@dataclass(frozen=True)
class _Ties:
    """What binds the processes: a group that talks on the CPU, and the launcher's store."""

    rank: int
    count: int
    group: "dist.ProcessGroup"
    store: "dist.Store"


_ties: _Ties | None = None


def launched() -> bool:
    """Whether a launcher started this process as one of several."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE") or 1) > 1


def leads() -> bool:
    """Whether this process leads, or is alone."""
    return not launched() or os.environ["RANK"] == "0"


def count() -> int:
    """Return how many processes train together now."""
    return _ties.count if _ties else 1


@contextmanager
def joined() -> Iterator[None]:
    """Within the block the launched processes are bound to one another, on their devices."""
    global _ties
    if not launched():
        yield
        return
    _ties = _join()
    try:
        yield
    finally:
        if _ties:
            with suppress(Exception):  # the launcher may be gone
                if leads():
                    _ties.store.set(ENDED, "")
            _loosen()


def leaders(make: Callable[[], Value]) -> Value:
    """Return what `make` gives the leader, who alone calls it."""
    if _ties is None:
        return make()
    import torch.distributed as dist

    told = [make() if _ties.rank == 0 else None]
    dist.broadcast_object_list(told, src=0, group=_ties.group)
    return told[0]


def wait_for_all() -> None:
    """Return once every process is here."""
    if _ties:
        import torch.distributed as dist

        dist.barrier(group=_ties.group)


@contextmanager
def leader_first() -> Iterator[None]:
    """Let the leader do the block before the others, who find in the caches what it has made."""
    if not leads():
        wait_for_all()
    yield
    if leads():
        wait_for_all()


def share(rows: range) -> range:
    """Return the part of some rows that is this process's; together they are all."""
    return rows[_ties.rank :: _ties.count] if _ties else rows


def mean(values: Sequence[float]) -> list[float]:
    """Return the mean over the processes of each value; the values themselves for one alone."""
    if _ties is None:
        return list(values)
    import torch
    import torch.distributed as dist

    total = torch.tensor([float(value) for value in values], dtype=torch.float64)
    dist.all_reduce(total, group=_ties.group)
    return (total / _ties.count).tolist()


def part() -> None:
    """Let the leader go on alone, as if nobody had launched it; raises Released in the others."""
    if _ties is None:
        return
    wait_for_all()
    if not leads():
        raise Released
    _loosen()
    for name in OF_LAUNCHERS:  # by which Trainer would look for the others
        os.environ.pop(name, None)


def tell_failure(sentence: str, trace: str) -> None:
    """Let the leader know why this process ends, and wait until it has ended as well."""
    if _ties is None:
        return
    store = _ties.store
    with suppress(Exception):  # the leader, or the launcher, may have gone first
        store.set(FAILURE, json.dumps([sentence, trace]))
        _loosen()  # which wakes the leader, where it waits for this process
        store.wait([ENDED], timedelta(seconds=LAST_WORDS_SECONDS))


def failure_elsewhere(error: Exception) -> RunError | None:
    """Return the failure of another process that is behind one of talking with it, if it is."""
    if _ties is None or isinstance(error, IntentError) or not _is_of_talking(error):
        return None
    with suppress(Exception):
        if _ties.store.check([FAILURE]):
            sentence, trace = json.loads(_ties.store.get(FAILURE))
            error.add_note(trace)
            return RunError(sentence)
    return RunError(
        f"One of the {_ties.count} processes that trained together has ended, or its machine cannot "
        "be reached: see what the launcher says of it, then resume the run."
    )


def _join() -> _Ties:
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported
    import torch.distributed as dist
    from accelerate import PartialState

    from intent.devices import best_device

    state = PartialState(cpu=best_device() == "cpu", timeout=PATIENCE)
    # A connection of its own: one that waits keeps nobody from talking.
    store = dist.TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
    )
    group = dist.new_group(backend="gloo", timeout=PATIENCE)
    return _Ties(state.process_index, state.num_processes, group, store)


def _loosen() -> None:
    global _ties
    import torch.distributed as dist

    _ties = None
    with suppress(Exception):  # what is broken already
        dist.destroy_process_group()


def _is_of_talking(error: Exception) -> bool:
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or "gloo" in str(error)
