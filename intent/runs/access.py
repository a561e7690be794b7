"""Permissions: the owner may do everything; in public mode, visitors are restricted.

All permission checks of the page, the API and the worker are here. The command line runs as the
owner and may do everything.
"""

import hashlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from intent import paths
from intent.checkpoints.resolve import existing_folder, is_hub_id, plain_name, run_named_by
from intent.errors import AccessError, CheckpointError, DataError, RunError
from intent.paths import BUNDLED, MINDS14, RUN_ID, SAMPLE
from intent.recipes import Recipe
from intent.runs.directory import RunDir, no_run

HEADER = "x-intent-visitor"  # carries a visitor's secret in each request
SECRET = re.compile(r"[!-~]{16,200}")  # printable in a header, and too long to guess

PUBLIC_SETTING = "INTENT_PUBLIC"
YES = ("1", "on", "yes", "true")

PUBLIC_DATA = (MINDS14, SAMPLE)
Action = Literal["read", "stop", "resume", "rename", "remove", "restore"]

FILE_ADDRESS = re.compile(r"file:/{1,3}", re.IGNORECASE)
# The start of an absolute path: a slash that is not within a word or a URL such as https://.
PATH = re.compile(r"(?<![\w/.~])~?/(?!/)(?:[^\s\"'“”():;,]+/)*([^\s\"'“”():;,]+)")


@dataclass(frozen=True)
class Visitor:
    """The sender of a request; `key` is the hash of their secret, "" if none was sent."""

    key: str = ""
    is_owner: bool = False


OWNER = Visitor(is_owner=True)


def is_public(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the page can be reached from other machines.

    It can on a Space, with a share link, and where the server is not bound to loopback. Other
    cases, such as a proxy on the same machine, set INTENT_PUBLIC.
    """
    return (
        bool(environment.get("SPACE_ID"))
        or environment.get(PUBLIC_SETTING, "").strip().lower() in YES
        or environment.get("GRADIO_SHARE", "").strip().lower() in YES
        or not _is_loopback(environment.get("GRADIO_SERVER_NAME") or "127.0.0.1")
    )


def visitor_with(secret: str | None) -> Visitor:
    """Return the visitor with a secret; a secret short enough to guess counts as none."""
    if not secret or not SECRET.fullmatch(secret):
        return Visitor()
    return Visitor(hashlib.sha256(secret.encode()).hexdigest())


def owner_of(run: RunDir) -> Visitor:
    """Return who started a run; runs of the command line belong to the owner."""
    key = run.owner
    return OWNER if key is None else Visitor(key)


def may(visitor: Visitor, action: Action, run: RunDir) -> bool:
    """Return whether a visitor may do something to a run.

    Every visitor may read a run and classify with its model, unless it was trained on a folder of
    this machine: its report quotes the recordings. Everything else is for its own visitor only.
    """
    return visitor.is_owner or allows(visitor, action, run.owner, _data_of(run))


def allows(visitor: Visitor, action: Action, owner: str | None, data: str | None) -> bool:
    """Return what `may` does, for a run whose owner and data have been read already."""
    if visitor.is_owner or (visitor.key and visitor.key == owner):
        return True
    return action == "read" and data in PUBLIC_DATA


def check(visitor: Visitor, action: Action, run: RunDir) -> RunDir:
    """Return the run; raises RunError if the visitor may not read it, else AccessError."""
    if not may(visitor, "read", run):
        raise no_run(run.path.parent, run.id)
    if not may(visitor, action, run):
        raise AccessError(
            f"You can {action} only your own runs, and run {run.id} was started by somebody else."
        )
    return run


def check_owner(visitor: Visitor, what: str) -> None:
    """Raise AccessError unless the visitor is the owner; `what` follows "may", as in "empty …"."""
    if not visitor.is_owner:
        raise AccessError(f"Only the owner of this app may {what}.")


def check_may_start(visitor: Visitor) -> None:
    """Raise AccessError for a visitor without a secret, who could not be identified later."""
    if not visitor.is_owner and not visitor.key:
        raise AccessError(
            f"Starting a run requires the header {HEADER}, which identifies you later: send it with 16 "
            "to 200 random characters of your own, the same with every request."
        )


def check_recipe(visitor: Visitor, recipe: Recipe) -> Recipe:
    """Return the recipe with its base as `check_checkpoint` returns it; raises what the checks raise."""
    check_data(visitor, recipe.data)
    return replace(recipe, base=check_checkpoint(visitor, recipe.base))


def check_data(visitor: Visitor, data: str) -> str:
    """Return the name of a data set; raises DataError for a folder in a visitor's request."""
    if visitor.is_owner or data in PUBLIC_DATA:
        return data
    raise DataError(
        "Folders of the server cannot be used here: choose minds14 or sample, or run the app on "
        "your own machine."
    )


def check_checkpoint(visitor: Visitor, checkpoint: str) -> str:
    """Return a checkpoint's name: for the owner, a run's folder as its id, others as full paths.

    The address of a page of the Hub is returned as its id.

    A visitor may use the bundled checkpoint, the id of a run that they may read, and a Hub id.
    Raises CheckpointError for anything else, without reading the disk, and RunError if there is no
    such run.
    """
    if not isinstance(checkpoint, str):
        raise CheckpointError("The name of a checkpoint must be a string.")
    name = plain_name(checkpoint)
    run_id = name if RUN_ID.fullmatch(name) else None
    if run_id is None and visitor.is_owner:
        run_id = run_named_by(name)
    if run_id is not None:
        run = RunDir(paths.runs_dir() / run_id)
        if not run.recipe_file.is_file() or not may(visitor, "read", run):
            raise no_run(paths.runs_dir(), run_id)
        return run_id
    if visitor.is_owner:
        folder = existing_folder(name) if is_hub_id(name) and name != BUNDLED else None
        return str(folder) if folder else name
    if name == BUNDLED or not name or is_hub_id(name):
        return name
    raise CheckpointError(
        "Folders of the server cannot be used here: choose the bundled checkpoint, a run by its "
        "id, or a Hub id such as owner/name."
    )


def shown_recipe(visitor: Visitor, recipe: Recipe) -> Recipe:
    """Return a recipe as a visitor may see it, with only the last part of each path."""
    if visitor.is_owner:
        return recipe
    base = run_named_by(recipe.base) or recipe.base
    return replace(recipe, base=without_paths(base), data=without_paths(recipe.data))


def without_paths(text: str) -> str:
    """Return a text with each absolute path replaced by its last part."""
    text = FILE_ADDRESS.sub("/", text)
    for folder in _known_folders():
        text = text.replace(f"{folder}/", "/").replace(str(folder), folder.name or "/")
    return PATH.sub(r"\1", text)


def _data_of(run: RunDir) -> str | None:
    try:
        return run.recipe().data
    except RunError:
        return None


def _known_folders() -> list[Path]:
    """Return folders whose paths may contain spaces, which PATH cannot match."""
    found = [paths.runs_dir(), paths.cache_dir(), Path.cwd(), paths.ASSETS.parent]
    found += [Path(tempfile.gettempdir()), Path(os.path.expanduser("~"))]
    found += [
        Path(os.environ[name]) for name in ("HF_HOME", "GRADIO_TEMP_DIR") if os.environ.get(name)
    ]
    found = [folder for folder in found if len(folder.parts) > 1]
    return sorted(set(found), key=lambda folder: len(str(folder)), reverse=True)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a host name, which may resolve to any address
        return False
