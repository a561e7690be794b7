"""A page in public mode with runs of Ann's in every state, and calls of it by number over HTTP."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import httpx

from intent.jobs.worker import training_lock
from intent.recipes import Recipe
from intent.runs.access import HEADER, visitor_with
from intent.runs.directory import RunDir
from intent.runs.events import Finished, Started
from intent.runs.store import create_run
from intent.runs.trash import trash_run
from tests.made_runs import make_run

ANN, BOB = "the secret of Ann".replace(" ", "-"), "the secret of Bob".replace(" ", "-")
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Runs:
    """Runs of Ann's by the state they are in, and one of the owner's on a folder of theirs."""

    live: RunDir
    queued: RunDir
    stopped: RunDir
    done: RunDir
    trashed: RunDir  # where it was before
    private: RunDir


@contextmanager
def runs_of_ann(folder: Path) -> Iterator[Runs]:
    """Make the runs in an empty folder; nothing else trains there within the block."""
    ann = visitor_with(ANN)
    sample = Recipe(data="sample", preset="instant")
    with ExitStack() as held:
        live, queued, stopped, trashed = (create_run(folder, sample, ann) for _ in range(4))
        stopped.append(Started("closed-form", ("a", "b"), 4, 2, 0, "CPU", False, None))
        stopped.append(Finished("stopped", None, None, 0, 1.0))
        done = make_run(folder, with_model=True)
        done.owner_file.write_text(ann.key)
        private = create_run(folder, Recipe(data="/home/owner/calls"))
        trash_run(trashed)
        queued.queued_file.write_text("1")
        held.enter_context(training_lock(live))
        yield Runs(live, queued, stopped, done, trashed, private)


def snapshot(folder: Path, without: tuple[RunDir, ...] = ()) -> dict[str, str]:
    """Return the hash of each file under a folder of runs, locks left out, but for some runs."""
    skipped = [run.path for run in without]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.name.endswith("lock")
        and path.name not in (".starter", ".starting", ".entry")
        and not any(path.is_relative_to(run) for run in skipped)
    }


@dataclass
class Stranger:
    """A client that calls the page's functions by number, within one session."""

    address: str
    secret: str | None
    session: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with each request."""
        return {HEADER: self.secret} if self.secret else {}

    def call(self, number: int, data: list[object], event: object = None) -> dict:
        """Call a function through the queue, as the page does, and return its last output."""
        body = {"fn_index": number, "data": data, "session_hash": self.session, "event_data": event}
        joined = httpx.post(self._at("queue/join"), json=body, headers=self.headers)
        joined.raise_for_status()
        with httpx.stream(
            "GET",
            self._at("queue/data"),
            params={"session_hash": self.session},
            headers=self.headers,
            timeout=PATIENCE_SECONDS,
        ) as told:
            for line in told.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    return message["output"]
        raise AssertionError("the call did not end")

    def post(self, number: int, data: list[object]) -> dict:
        """Call a function in one plain request."""
        body = {"fn_index": number, "data": data, "session_hash": self.session}
        return httpx.post(
            self._at("run/predict"), json=body, headers=self.headers, timeout=PATIENCE_SECONDS
        ).json()

    def _at(self, path: str) -> str:
        return f"{self.address.rstrip('/')}/gradio_api/{path}"


def key_of(page: gr.Blocks, number: int) -> str:
    """Return how a function of the page is called in a table: its name, and what triggers it."""
    dependency = page.fns[number]
    fn = getattr(dependency.fn, "__wrapped__", dependency.fn)
    inner = getattr(fn, "func", fn)
    name = getattr(inner, "__name__", "js") if dependency.fn else "js"
    block, event = (dependency.targets or [(None, dependency.api_name)])[0]
    found = page.blocks.get(block)
    where = getattr(found, "elem_id", None) or getattr(found, "label", None)
    where = where or getattr(found, "value", None) or type(found).__name__
    return f"{where}.{event} {name}" if dependency.targets else f"/{name}"


def values_of(page: gr.Blocks, number: int) -> list[object]:
    """Return what the page would send to a function before anything was changed."""
    return [
        None if isinstance(block, gr.State) else getattr(block, "value", None)
        for block in page.fns[number].inputs
    ]
