"""Replace cache folders that are not writable by a temporary folder.

This must happen before the libraries are imported: they read the environment only once.
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

TEMPORARY = "INTENT_TEMPORARY"  # path of the temporary folder, for this process and its children
# Folders under HF_HOME, unless their own variable is set.
UNDER_HF_HOME = {
    "HF_HUB_CACHE": "hub",
    "HF_DATASETS_CACHE": "datasets",
    "HF_METRICS_CACHE": "metrics",
    "HF_EVALUATE_CACHE": "evaluate",
    "HF_MODULES_CACHE": "modules",
    "HF_XET_CACHE": "xet",
}

_link_lock = threading.Lock()


def replace_unwritable_folders(page: bool) -> str | None:
    """Replace unwritable cache folders by one temporary folder; return a message if there are any.

    page: check the folder of uploads too. The temporary folder is private and is deleted when this
    process exits. Raises IntentError if no temporary folder can be created.
    """
    replaced = _Replaced()
    cache = _user_cache()
    _check_hugging_face(replaced, cache)
    features = _chosen("INTENT_CACHE") or cache and cache / "intent-studio"
    _check_folder(replaced, "INTENT_CACHE", features, "cache")
    if page:
        uploads = _chosen("GRADIO_TEMP_DIR") or Path(_temporary_files(), "gradio")
        _check_folder(replaced, "GRADIO_TEMP_DIR", uploads, "uploads")
    if replaced.root and _home_problem():  # libraries would create a folder named "~"
        os.environ["HOME"] = str(replaced.folder("home"))
    return replaced.message() if replaced.problems else None


def write_problem(folder: Path) -> str | None:
    """Return the system's reason why a folder cannot be written or created, or None."""
    place = Path(os.path.abspath(folder))
    while not place.exists() and place != place.parent:
        if place.is_symlink():
            return "it is a broken link"
        place = place.parent
    try:
        descriptor, name = tempfile.mkstemp(prefix=".intent-", dir=place)
    except OSError as error:
        return error.strerror or str(error)
    os.close(descriptor)
    os.unlink(name)
    return None


def hugging_face_folder() -> Path:
    """Return the cache folder of the Hugging Face libraries: HF_HOME, or its default."""
    return _chosen("HF_HOME") or (_user_cache() or Path.cwd() / "~" / ".cache") / "huggingface"


def make_cache_writable(hub_id: str, kind: str = "models") -> None:
    """Make the cache of a Hub repository writable if it is a link to a read-only folder.

    Existing files are still read from there; new ones are written to the temporary folder.
    """
    if TEMPORARY not in os.environ:
        return
    temporary = Path(os.environ[TEMPORARY])
    cached = (
        Path(os.environ.get("HF_HUB_CACHE", ""), f"{kind}--{hub_id.replace('/', '--')}"),
        Path(os.environ.get("HF_DATASETS_CACHE", ""), hub_id.replace("/", "___")),
    )
    with _link_lock:
        for link in cached:
            if link.is_symlink() and link.is_relative_to(temporary):
                copy = link.with_name(f"{link.name}.{os.getpid()}.part")
                _copy_as_links(link.resolve(), copy)
                link.unlink(missing_ok=True)
                copy.rename(link)


@dataclass
class _Replaced:
    """The replaced folders, and the temporary folder, created on first use."""

    problems: dict[str, None] = field(default_factory=dict)  # "folder (reason)", each once
    variables: list[str] = field(default_factory=list)  # that set these folders
    root: Path | None = None

    def folder(self, name: str) -> Path:
        """Create and return a folder in the temporary one."""
        if self.root is None:
            self.root = _temporary_folder()
        made = self.root / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def add(self, variable: str, path: Path | None, reason: str) -> None:
        """Add a replaced folder and the reason."""
        named = f"{variable}={path}" if os.environ.get(variable) else str(path or "a cache folder")
        self.problems.setdefault(f"{named} ({reason})")
        self.variables.append(variable)

    def message(self) -> str:
        """Return the message about all replaced folders."""
        return (
            f"Not writable: {'; '.join(self.problems)}. The temporary folder {self.root} is used "
            "instead and deleted when the program ends. To keep downloads and caches, set "
            f"{' and '.join(self.variables)} to a writable folder."
        )


def _check_hugging_face(replaced: _Replaced, cache: Path | None) -> None:
    base = _chosen("HF_HOME") or cache and cache / "huggingface"
    moved = _check_folder(replaced, "HF_HOME", base, "huggingface")
    if moved and base:
        _link(base, replaced.folder("huggingface"), lambda entry: entry.is_file())
    for variable, name in UNDER_HF_HOME.items():
        chosen = _chosen(variable) or name == "hub" and _chosen("HUGGINGFACE_HUB_CACHE")
        path = chosen or base and base / name
        if chosen or not moved:
            is_replaced = _check_folder(replaced, variable, path, f"huggingface/{name}")
        else:  # HF_HOME is reported already; writable folders within it stay in use
            is_replaced = _reason(path) is not None
            folder = replaced.folder(f"huggingface/{name}") if is_replaced else path
            os.environ[variable] = str(folder)
        if is_replaced and path and name in ("hub", "datasets"):
            _link(path, replaced.folder(f"huggingface/{name}"), lambda x: _is_download(x.name))


def _check_folder(replaced: _Replaced, variable: str, path: Path | None, name: str) -> bool:
    """Replace a folder that is not writable, and return whether it was replaced."""
    reason = _reason(path)
    if reason:
        replaced.add(variable, path, reason)
        os.environ[variable] = str(replaced.folder(name))
    return bool(reason)


def _reason(path: Path | None) -> str | None:
    return write_problem(path) if path else _home_problem()


def _chosen(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(os.path.expandvars(os.path.expanduser(value))) if value else None


def _user_cache() -> Path | None:
    """Return the folder of the user's caches, or None without a home folder."""
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
            "is writable: set TMPDIR to a writable folder."
        ) from None


def _temporary_folder() -> Path:
    """Create a folder that only this user can open, deleted when this process exits."""
    root = Path(tempfile.mkdtemp(prefix="intent-studio-", dir=_temporary_files())).resolve()
    os.environ[TEMPORARY] = str(root)
    atexit.register(_remove, root, os.getpid())
    return root


def _remove(root: Path, maker: int) -> None:
    if os.getpid() == maker:  # not in a process that was forked from it
        shutil.rmtree(root, ignore_errors=True)


def _is_download(name: str) -> bool:
    """Return whether a folder of a cache has downloads, and not files that can be computed again."""
    return name.startswith(("models--", "datasets--")) or "___" in name


def _link(old: Path, new: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> None:
    """Link the readable entries of a folder into another one."""
    with suppress(OSError):
        for entry in os.scandir(old):
            if wanted(entry) and os.access(entry.path, os.R_OK):
                with suppress(FileExistsError):
                    os.symlink(os.path.abspath(entry.path), new / entry.name)


def _copy_as_links(old: Path, new: Path) -> None:
    """Copy the folders of a repository, with links to its files; revisions (refs) are copied."""
    for folder, _, files in os.walk(old):
        place = new / os.path.relpath(folder, old)
        place.mkdir(parents=True, exist_ok=True)
        for file in files:
            source = Path(folder, file)
            if "refs" in place.relative_to(new).parts:
                shutil.copyfile(source, place / file)  # a small file that changes
            else:
                os.symlink(source, place / file)
