"""State of the test Hub: users by token, repositories, large files by hash, planned faults."""

import hashlib
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

MODELS, DATASETS = "models", "datasets"


@dataclass(frozen=True)
class User:
    """The user of a token, and its role: "write", "read" or "fineGrained"."""

    name: str
    role: str = "write"
    groups: tuple[str, ...] = ()


@dataclass
class Repository:
    """The files of a repository's main branch by path, and those of an open pull request."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    gated: bool = False
    proposed: dict[str, bytes] | None = None
    commits: list[str] = field(default_factory=list)  # their titles
    large: set[str] = field(default_factory=set)  # paths that arrived through LFS

    @classmethod
    def of(cls, folder: Path, proposed: Path | None = None) -> "Repository":
        """Return a repository with the files of a folder."""
        return cls(files=_read(folder), proposed=_read(proposed) if proposed else None)

    def commit(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return the commit and the files of "main", "refs/pr/1" or a commit; None: no such."""
        for name, files in (("main", self.files), ("refs/pr/1", self.proposed)):
            if files is not None and revision in (name, commit_id(files)):
                return commit_id(files), files
        return None


@dataclass
class Fault:
    """A failure on demand, of requests whose "METHOD /path" the pattern matches.

    kind: a status; "stall" (no answer before `Hub.release` is set); "cut" (the connection ends
    after half of what is being sent). times: how often before all is well again; None: always.
    """

    pattern: str
    kind: int | str
    times: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Hub:
    """The state of the server."""

    users: dict[str, User] = field(default_factory=dict)
    models: dict[str, Repository] = field(default_factory=dict)
    datasets: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)  # by SHA-256
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # "METHOD /path"
    tokens_seen: set[str] = field(default_factory=set)
    release: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def repositories(self, kind: str) -> dict[str, Repository]:
        """Return the models or the data sets."""
        return self.datasets if kind == DATASETS else self.models

    def fault_of(self, request: str) -> Fault | None:
        """Return the fault for a request, if any, and count it."""
        with self.lock:
            for fault in self.faults:
                if re.search(fault.pattern, request) and fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None


def commit_id(files: dict[str, bytes]) -> str:
    """Return an id of 40 hexadecimal digits that changes with the files."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{git_id(content)}\n".encode())
    return digest.hexdigest()


def git_id(content: bytes) -> str:
    """Return the id that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _read(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
