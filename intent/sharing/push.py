"""A run to the Hugging Face Hub: its checkpoint and its card, in one commit."""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, BinaryIO

from intent import hub_http
from intent.checkpoints.download import HUB_ID, WEIGHT_FILES
from intent.checkpoints.provenance import FILE_NAME as PROVENANCE_FILE
from intent.checkpoints.resolve import short, window_seconds
from intent.errors import HubError, IntentError
from intent.hub_http import limit_waits, reason_of, retry_seconds, status_of
from intent.runs.directory import RunDir
from intent.sharing.card import PICTURE_FILE, card_files
from intent.sharing.public_view import checkpoint_files, published, recipe_file

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.hf_api import ModelInfo

TOKEN = re.compile(r"[!-~]{4,1000}")  # what can stand in a header of HTTP
TOKEN_PAGE = "https://huggingface.co/settings/tokens"
OWN_FILES = (*WEIGHT_FILES, PICTURE_FILE)  # of an earlier push: gone where this one has none

OnProgress = Callable[[str, float | None], None]  # what is being done, and how much of it, 0..1


def push(
    run: RunDir,
    repo_id: str,
    token: str,
    private: bool = False,
    on_progress: OnProgress = lambda phase, share: None,
) -> str:
    """Send a run's checkpoint and its card to USER/NAME on the Hub, and return its address.

    Another push to the name updates it. A model there that did not come from here is left alone,
    and so is a public one where a private one was asked for; one that is private stays private.
    The token is used for this push alone and is kept nowhere. Raises HubError, or RunError for a
    run that cannot be shared; the run is as it was, and all can be tried again.
    """
    name, token = checked_name(repo_id), checked_token(token)
    about = published(run)
    limit_waits()
    with checkpoint_files(run, about) as checkpoint:
        on_progress("writing the card", None)
        window = window_seconds(run.model)
        card = card_files(about, run.history(), name.split("/")[1], name, window)
        files = {**checkpoint, **card, "recipe.json": recipe_file(about)}
        with _in_words(name, token):
            return _send(name, token, private, files, f"Run {run.id}", on_progress)


def check_right(name: str, token: str) -> None:
    """Ask the Hub whether a token may write to a name; raises HubError where it may not."""
    from huggingface_hub import HfApi

    limit_waits()
    with _in_words(name, token):
        _check_rights(HfApi(token=token).whoami(), name)


@contextmanager
def _in_words(name: str, token: str) -> Iterator[None]:
    """Within the block every failure is a sentence, as HubError."""
    try:
        yield
    except IntentError:
        raise
    except Exception as error:  # noqa: BLE001 - the client passes on its transport's errors
        # Without its cause: that one knows the request, and so the token.
        raise HubError(_sentence(name, error).replace(token, "…")) from None


def checked_name(repo_id: str) -> str:
    """Return the name as the Hub takes it; raises HubError for one that it would not."""
    name = repo_id.strip()
    possible = HUB_ID.fullmatch(name) and "/" in name and not re.search(r"--|\.\.", name)
    if not possible or any(part[-1] in "-." or part.endswith(".git") for part in name.split("/")):
        raise HubError(
            f'A name such as your-name/my-model was expected, found "{short(repo_id)}": letters, '
            "digits, single - and . and _, with one / between owner and model."
        )
    return name


def checked_token(token: str | None) -> str:
    """Return the token without blanks around it; raises HubError, which does not repeat it."""
    token = (token or "").strip()
    if not token:
        raise HubError(
            f"A token that may write is needed to push: make one at {TOKEN_PAGE}, then type it here"
            f"{' or set HF_TOKEN' if hub_http.token() is None else ''}."
        )
    if not TOKEN.fullmatch(token):
        raise HubError(f"That is not a token: copy it once more from {TOKEN_PAGE}.")
    return token


def _send(
    name: str,
    token: str,
    private: bool,
    files: dict[str, bytes | BinaryIO],
    title: str,
    on_progress: OnProgress,
) -> str:
    from huggingface_hub import CommitOperationDelete, HfApi

    api = HfApi(token=token)
    on_progress("asking the Hub", None)
    _check_rights(api.whoami(), name)
    there = _model(api, name)
    if there is None:
        api.create_repo(name, private=private)
    else:
        _check_ours(there, name, private)
    stale = [
        file
        for file in _names(there)
        if file not in files and any(fnmatch(file, pattern) for pattern in OWN_FILES)
    ]
    additions = _additions(files, on_progress)
    api.create_commit(
        name,
        [*additions, *map(CommitOperationDelete, stale)],
        commit_message=title,
    )
    return f"{api.endpoint}/{name}"


def _check_rights(me: dict, name: str) -> None:
    """Raise HubError for a token that may only read, or an owner that is somebody else."""
    role = ((me.get("auth") or {}).get("accessToken") or {}).get("role")
    if role == "read":
        raise HubError(f"This token may only read: make one that may write at {TOKEN_PAGE}.")
    owner = name.split("/")[0]
    owners = [me["name"], *(group["name"] for group in me.get("orgs") or ())]
    if owner.lower() not in map(str.lower, owners):
        raise HubError(
            f"This token is {me['name']}’s, who cannot write to {owner}: push to "
            f"{me['name']}/{name.split('/')[1]}, or use a token of {owner}."
        )


def _model(api: "HfApi", name: str) -> "ModelInfo | None":
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.model_info(name, timeout=hub_http.SILENCE_SECONDS)
    except RepositoryNotFoundError:
        return None


def _names(there: "ModelInfo | None") -> list[str]:
    return [file.rfilename for file in (there.siblings or ())] if there else []


def _check_ours(there: "ModelInfo", name: str, private: bool) -> None:
    """Raise HubError rather than write over somebody's work, or into public view."""
    names = set(_names(there)) - {".gitattributes"}
    if names and PROVENANCE_FILE not in names:
        raise HubError(
            f"{name} is taken: it holds a model that did not come from here. Choose another name."
        )
    if private and not there.private:
        raise HubError(
            f"{name} is there already and public: make it private in its settings on the Hub, or "
            "choose another name."
        )


def _additions(
    files: dict[str, bytes | BinaryIO], on_progress: OnProgress
) -> "list[CommitOperationAdd]":
    """The files to add; reading the weights to send them, after they were hashed, is progress."""
    from huggingface_hub import CommitOperationAdd

    on_progress("reading the checkpoint", None)
    weights = {
        name: _Watched(file.raw) for name, file in files.items() if not isinstance(file, bytes)
    }
    additions = [
        CommitOperationAdd(name, weights.get(name, content)) for name, content in files.items()
    ]
    total = sum(os.fstat(file.fileno()).st_size for file in weights.values())

    def tell() -> None:
        sent = sum(file.furthest for file in weights.values())
        on_progress(f"sending {total / 1e6:.0f} MB", sent / max(1, total))

    for file in weights.values():
        file.furthest, file.on_read = 0, tell
    tell()
    return additions


class _Watched(io.BufferedReader):
    """A file that tells how far it was read."""

    furthest = 0
    on_read: Callable[[], None] = staticmethod(lambda: None)

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.furthest = max(self.furthest, self.tell())
        self.on_read()
        return data


def _sentence(name: str, error: Exception) -> str:
    """What went wrong, and what to do next."""
    status = status_of(error)
    if status == 401:
        return f"The Hub does not know this token: copy it once more from {TOKEN_PAGE}."
    if status == 403:
        return (
            f"This token may not write to {name}: give it the right to at {TOKEN_PAGE}, or choose "
            "a name of your own."
        )
    if status == 409:
        return f"{name} is taken: choose another name."
    if status == 429:
        wait = retry_seconds(error)
        when = f"in {wait} s" if wait else "in a while"
        return (
            f"The Hub has had too many requests from here: try again {when}. The run is as it was."
        )
    return (
        f"The push to {name} did not come to its end ({reason_of(error)}): the run is as it was; try "
        "again, what has arrived is not sent twice."
    )
