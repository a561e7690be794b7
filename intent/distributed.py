"""Coordinate the processes of one distributed run.

A launcher (`accelerate launch`, `torchrun`) starts the same command in several processes. Rank 0 is
the lead process: it alone holds the run's lock, reports events and writes files. The worker processes
train in step with it, stop when it does, and print nothing. In a process without a launcher, every
function here is a no-op.
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

TIMEOUT = timedelta(days=30)  # of a barrier: the lead process may queue or download for long
FAILURE_SECONDS = 30  # that a failed worker waits until the lead process has recorded the failure
LAUNCHER_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
FAILURE_KEY, END_KEY = "intent/failure", "intent/ended"  # in the launcher's key-value store


class WorkerReleasedError(Exception):
    """The lead process continues alone: this worker process has done its share."""


@dataclass(frozen=True)
class _Group:
    """The processes of the run: a group that communicates on the CPU, and the launcher's store."""

    rank: int
    count: int
    group: "dist.ProcessGroup"
    store: "dist.Store"


_group: _Group | None = None


def is_launched() -> bool:
    """Return whether a launcher started this process as one of several."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE") or 1) > 1


def is_lead() -> bool:
    """Return whether this is the lead process, or the only one."""
    return not is_launched() or os.environ["RANK"] == "0"


def count() -> int:
    """Return the number of processes that train together now."""
    return _group.count if _group else 1


@contextmanager
def process_group() -> Iterator[None]:
    """Connect the launched processes within the block."""
    global _group
    if not is_launched():
        yield
        return
    _group = _connect()
    try:
        yield
    finally:
        if _group:
            with suppress(Exception):  # the launcher may have exited
                if is_lead():
                    _group.store.set(END_KEY, "")
            _disconnect()


def from_lead(make: Callable[[], Value]) -> Value:
    """Call `make` in the lead process alone, and return its result in every process."""
    if _group is None:
        return make()
    import torch.distributed as dist

    values = [make()] if _group.rank == 0 else [None]
    dist.broadcast_object_list(values, src=0, group=_group.group)
    return values[0]  # type: ignore[return-value]  # filled by the broadcast


def barrier() -> None:
    """Wait until every process has reached this call."""
    if _group:
        import torch.distributed as dist

        dist.barrier(group=_group.group)


@contextmanager
def lead_first() -> Iterator[None]:
    """Run the block in the lead process first, so that the workers find its results cached."""
    if not is_lead():
        barrier()
    yield
    if is_lead():
        barrier()


def shard(rows: range) -> range:
    """Return this process's part of the rows; the parts of all processes cover them."""
    return rows[_group.rank :: _group.count] if _group else rows


def mean(values: Sequence[float]) -> list[float]:
    """Return the mean of each value over the processes."""
    if _group is None:
        return list(values)
    import torch
    import torch.distributed as dist

    total = torch.tensor([float(value) for value in values], dtype=torch.float64)
    dist.all_reduce(total, group=_group.group)
    return (total / _group.count).tolist()


def release_workers() -> None:
    """Let the lead process continue alone; raises WorkerReleasedError in the workers."""
    if _group is None:
        return
    barrier()
    if not is_lead():
        raise WorkerReleasedError
    _disconnect()
    for name in LAUNCHER_VARIABLES:  # or Trainer would look for the other processes
        os.environ.pop(name, None)


def send_failure(message: str, trace: str) -> None:
    """Send the failure of this worker to the lead process, and wait until that has ended."""
    if _group is None:
        return
    store = _group.store
    with suppress(Exception):  # the lead process or the launcher may have exited first
        store.set(FAILURE_KEY, json.dumps([message, trace]))
        _disconnect()  # interrupts the lead process if it waits for this one
        store.wait([END_KEY], timedelta(seconds=FAILURE_SECONDS))


def failure_of_other_process(error: Exception) -> RunError | None:
    """Return the failure of another process that caused this communication error, or None."""
    if _group is None or isinstance(error, IntentError) or not _is_communication_error(error):
        return None
    with suppress(Exception):
        if _group.store.check([FAILURE_KEY]):
            message, trace = json.loads(_group.store.get(FAILURE_KEY))
            error.add_note(trace)
            return RunError(message)
    return RunError(
        f"One of the {_group.count} processes of this run has exited, or its machine cannot be "
        "reached: read the launcher's output, then resume the run."
    )


def _connect() -> _Group:
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported
    import torch.distributed as dist
    from accelerate import PartialState

    from intent.devices import best_device

    state = PartialState(cpu=best_device() == "cpu", timeout=TIMEOUT)
    # A second connection: a process that waits on the first one would block all others.
    store = dist.TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
    )
    group = dist.new_group(backend="gloo", timeout=TIMEOUT)
    return _Group(state.process_index, state.num_processes, group, store)


def _disconnect() -> None:
    global _group
    import torch.distributed as dist

    _group = None
    with suppress(Exception):  # the group may be broken already
        dist.destroy_process_group()


def _is_communication_error(error: Exception) -> bool:
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or "gloo" in str(error)
