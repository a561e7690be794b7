"""Folders that libraries write to: each is tried, and one temporary folder stands in for the others.

Done before those libraries are imported, since they read the environment then and not again.
"""

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from intent.errors import IntentError

TEMPORARY = "INTENT_TEMPORARY"  # names the temporary folder, for this process and its children
# Where they are kept under HF_HOME, unless a variable of their own says otherwise.
UNDER_HF_HOME = {
    "HF_HUB_CACHE": "hub",
    "HF_DATASETS_CACHE": "datasets",
    "HF_METRICS_CACHE": "metrics",
    "HF_EVALUATE_CACHE": "evaluate",
    "HF_MODULES_CACHE": "modules",
    "HF_XET_CACHE": "xet",
}

_owning = threading.Lock()


def settle_folders(page: bool) -> str | None:
    """Replace what cannot be written to by one temporary folder; return what to say of it, if so.

    page: those that serve the page as well. The temporary folder is private and is removed when
    this process exits. Raises IntentError where not even such a folder can be made.
    """
    found = _Replaced()
    cache = _user_cache()
    _settle_hugging_face(found, cache)
    features = _chosen("INTENT_CACHE") or cache and cache / "intent-studio"
    _settle_one(found, "INTENT_CACHE", features, "cache")
    if page:
        uploads = _chosen("GRADIO_TEMP_DIR") or Path(_temporary_files(), "gradio")
        _settle_one(found, "GRADIO_TEMP_DIR", uploads, "uploads")
    if found.root and _home_problem():  # "~" would be a folder of that name, or one be made there
        os.environ["HOME"] = str(found.folder("home"))
    return found.sentence() if found.problems else None


def problem(folder: Path) -> str | None:
    """Return why a folder cannot be written to, or made, in the system's words; None if it can."""
    place = Path(os.path.abspath(folder))
    while not place.exists() and place != place.parent:
        if place.is_symlink():
            return "it is a link to nothing"
        place = place.parent
    try:
        descriptor, name = tempfile.mkstemp(prefix=".intent-", dir=place)
    except OSError as error:
        return error.strerror or str(error)
    os.close(descriptor)
    os.unlink(name)
    return None


def hugging_face_folder() -> Path:
    """Return where the libraries of Hugging Face keep what they write: HF_HOME, or their default."""
    return _chosen("HF_HOME") or (_user_cache() or Path.cwd() / "~" / ".cache") / "huggingface"


def make_cache_writable(hub_id: str, kind: str = "models") -> None:
    """Make what is cached of a repository of the Hub writable, where it is linked to what is not.

    What it has is still read where it lies; what is new goes into the temporary folder.
    """
    if TEMPORARY not in os.environ:
        return
    temporary = Path(os.environ[TEMPORARY])
    cached = (
        Path(os.environ.get("HF_HUB_CACHE", ""), f"{kind}--{hub_id.replace('/', '--')}"),
        Path(os.environ.get("HF_DATASETS_CACHE", ""), hub_id.replace("/", "___")),
    )
    with _owning:
        for link in cached:
            if link.is_symlink() and link.is_relative_to(temporary):
                copy = link.with_name(f"{link.name}.{os.getpid()}.part")
                _copy_as_links(link.resolve(), copy)
                link.unlink(missing_ok=True)
                copy.rename(link)


@dataclass
class _Replaced:
    """What was replaced, and the temporary folder, made when the first thing is."""

    problems: dict[str, None] = field(default_factory=dict)  # "what (why)", each once
    variables: list[str] = field(default_factory=list)  # by which the user can choose
    root: Path | None = None

    def folder(self, name: str) -> Path:
        """Return a new folder within the temporary one."""
        if self.root is None:
            self.root = _temporary_folder()
        made = self.root / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def add(self, variable: str, path: Path | None, why: str) -> None:
        """Note what is told: the variable, if it is set, and the folder."""
        named = f"{variable}={path}" if os.environ.get(variable) else str(path or "a cache folder")
        self.problems.setdefault(f"{named} ({why})")
        self.variables.append(variable)

    def sentence(self) -> str:
        """Return what to say, in one line."""
        return (
            f"Nothing can be written to {'; '.join(self.problems)}: the temporary folder "
            f"{self.root} is used instead, and removed at the end. To keep what is fetched and "
            f"computed, set {' and '.join(self.variables)} to a folder that can be written to."
        )


def _settle_hugging_face(found: _Replaced, cache: Path | None) -> None:
    base = _chosen("HF_HOME") or cache and cache / "huggingface"
    moved = _settle_one(found, "HF_HOME", base, "huggingface")
    if moved and base:
        _link(base, found.folder("huggingface"), lambda entry: entry.is_file())
    for variable, name in UNDER_HF_HOME.items():
        chosen = _chosen(variable) or name == "hub" and _chosen("HUGGINGFACE_HUB_CACHE")
        path = chosen or base and base / name
        if chosen or not moved:
            replaced = _settle_one(found, variable, path, f"huggingface/{name}")
        else:  # all of HF_HOME has been told of; what can be written within it stays
            replaced = _why(path) is not None
            os.environ[variable] = str(found.folder(f"huggingface/{name}") if replaced else path)
        if replaced and path and name in ("hub", "datasets"):
            _link(path, found.folder(f"huggingface/{name}"), lambda entry: _is_of_hub(entry.name))


def _settle_one(found: _Replaced, variable: str, path: Path | None, name: str) -> bool:
    """Replace a folder that cannot be written to, and say whether it was."""
    why = _why(path)
    if why:
        found.add(variable, path, why)
        os.environ[variable] = str(found.folder(name))
    return bool(why)


def _why(path: Path | None) -> str | None:
    return problem(path) if path else _home_problem()


def _chosen(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(os.path.expandvars(os.path.expanduser(value))) if value else None


def _user_cache() -> Path | None:
    """Where the user's caches are; None without a home folder."""
    chosen = _chosen("XDG_CACHE_HOME")
    return chosen or (None if _home_problem() else Path.home() / ".cache")


def _home_problem() -> str | None:
    home = os.path.expanduser("~")
    if home.startswith("~"):
        return "there is no home folder: HOME is not set"
    return None if os.path.isdir(home) else f"the home folder {home} does not exist"


def _temporary_files() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        raise IntentError(
            "A folder for temporary files is needed, but neither TMPDIR, /tmp nor the current folder "
            "can be written to: set TMPDIR to one that can."
        ) from None


def _temporary_folder() -> Path:
    """A folder that only this user can open, removed when this process exits."""
    root = Path(tempfile.mkdtemp(prefix="intent-studio-", dir=_temporary_files())).resolve()
    os.environ[TEMPORARY] = str(root)
    atexit.register(_remove, root, os.getpid())
    return root


def _remove(root: Path, maker: int) -> None:
    if os.getpid() == maker:  # not in a process that was forked from it
        shutil.rmtree(root, ignore_errors=True)


def _is_of_hub(name: str) -> bool:
    """Whether a folder of a cache holds what was fetched, rather than what can be made anew here."""
    return name.startswith(("models--", "datasets--")) or "___" in name


def _link(old: Path, new: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> None:
    """Let what is readable in a folder be read from another one as well."""
    with suppress(OSError):
        for entry in os.scandir(old):
            if wanted(entry) and os.access(entry.path, os.R_OK):
                with suppress(FileExistsError):
                    os.symlink(os.path.abspath(entry.path), new / entry.name)


def _copy_as_links(old: Path, new: Path) -> None:
    """Make the folders of a repository anew, with links to its files; names of revisions are copied."""
    for folder, _, files in os.walk(old):
        place = new / os.path.relpath(folder, old)
        place.mkdir(parents=True, exist_ok=True)
        for file in files:
            source = Path(folder, file)
            if "refs" in place.relative_to(new).parts:
                shutil.copyfile(source, place / file)  # a small file, which changes
            else:
                os.symlink(source, place / file)
