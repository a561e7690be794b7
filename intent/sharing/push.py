"""Push a run to the Hugging Face Hub: its checkpoint and model card, in one commit."""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from intent import hub_http
from intent.checkpoints.download import HUB_ID, WEIGHT_FILES
from intent.checkpoints.provenance import FILE_NAME as PROVENANCE_FILE
from intent.checkpoints.resolve import short, window_seconds
from intent.errors import HubError, IntentError
from intent.hub_http import limit_waits, reason_of, retry_seconds, status_of
from intent.runs.directory import RunDir
from intent.sharing import OnProgress, no_progress
from intent.sharing.card import PICTURE_FILE, card_files
from intent.sharing.public_view import Files, checkpoint_files, public_run, recipe_file

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.hf_api import ModelInfo

TOKEN = re.compile(r"[!-~]{4,1000}")  # what an HTTP header can hold
TOKEN_PAGE = "https://huggingface.co/settings/tokens"
OWN_FILES = (*WEIGHT_FILES, PICTURE_FILE)  # deleted from the Hub if this push has no such file


def push(
    run: RunDir,
    repo_id: str,
    token: str,
    private: bool = False,
    on_progress: OnProgress = no_progress,
) -> str:
    """Push a run's checkpoint and model card to USER/NAME on the Hub, and return its address.

    Pushing to the same name again updates the model; a private one stays private. A model that was
    not pushed from here is never overwritten, nor a public one if a private one was requested. The
    token is used for this push only and never stored. Raises HubError, or RunError for a run that
    cannot be shared; a failed push leaves the run unchanged and can be repeated.
    """
    name, token = checked_name(repo_id), checked_token(token)
    public = public_run(run)
    limit_waits()
    with checkpoint_files(run, public) as checkpoint:
        on_progress("writing the model card", None)
        window = window_seconds(run.model)
        card = card_files(public, run.history(), name.split("/")[1], name, window)
        files = {**checkpoint, **card, "recipe.json": recipe_file(public)}
        with _errors_as_sentences(name, token):
            return _send(name, token, private, files, f"Run {run.id}", on_progress)


def check_right(name: str, token: str) -> None:
    """Check with the Hub that a token may write to a name; raises HubError if not."""
    from huggingface_hub import HfApi

    limit_waits()
    with _errors_as_sentences(name, token):
        _check_rights(HfApi(token=token).whoami(), name)


@contextmanager
def _errors_as_sentences(name: str, token: str) -> Iterator[None]:
    """Turn every failure within the block into a HubError with a sentence."""
    try:
        yield
    except IntentError:
        raise
    except Exception as error:  # noqa: BLE001 - the client passes on its transport's errors
        # Without its cause, which holds the request and so the token.
        raise HubError(_sentence(name, error).replace(token, "…")) from None


def checked_name(repo_id: str) -> str:
    """Return a valid name for the Hub; raises HubError for any other."""
    name = repo_id.strip()
    possible = HUB_ID.fullmatch(name) and "/" in name and not re.search(r"--|\.\.", name)
    if not possible or any(part[-1] in "-." or part.endswith(".git") for part in name.split("/")):
        raise HubError(
            f'The name must have the form your-name/my-model, but is "{short(repo_id)}": use letters, '
            "digits, single - and . and _, with one / between owner and model."
        )
    return name


def checked_token(token: str | None) -> str:
    """Return a plausible token, stripped; raises HubError, which does not repeat the token."""
    token = (token or "").strip()
    if not token:
        raise HubError(
            f"A token with write access is needed to push: create one at {TOKEN_PAGE}, then enter it"
            f"{' or set HF_TOKEN' if hub_http.token() is None else ''}."
        )
    if not TOKEN.fullmatch(token):
        raise HubError(f"The token is not valid: copy it again from {TOKEN_PAGE}.")
    return token


def _send(
    name: str,
    token: str,
    private: bool,
    files: Files,
    title: str,
    on_progress: OnProgress,
) -> str:
    from huggingface_hub import CommitOperationDelete, HfApi

    api = HfApi(token=token)
    on_progress("checking access", None)
    _check_rights(api.whoami(), name)
    existing = _model(api, name)
    if existing is None:
        api.create_repo(name, private=private)
    else:
        _check_replaceable(existing, name, private)
    stale = [
        file
        for file in _file_names(existing)
        if file not in files and any(fnmatch(file, pattern) for pattern in OWN_FILES)
    ]
    additions = _additions(files, on_progress)
    api.create_commit(
        name,
        [*additions, *map(CommitOperationDelete, stale)],
        commit_message=title,
    )
    return f"{api.endpoint}/{name}"


def _check_rights(me: dict[str, Any], name: str) -> None:
    """Raise HubError for a token with read access only, or for a name of another account."""
    role = ((me.get("auth") or {}).get("accessToken") or {}).get("role")
    if role == "read":
        raise HubError(
            f"This token has read access only: create one with write access at {TOKEN_PAGE}."
        )
    owner = name.split("/")[0]
    owners = [me["name"], *(group["name"] for group in me.get("orgs") or ())]
    if owner.lower() not in map(str.lower, owners):
        raise HubError(
            f"This token belongs to {me['name']}, who has no write access to {owner}: push to "
            f"{me['name']}/{name.split('/')[1]}, or use a token of {owner}."
        )


def _model(api: "HfApi", name: str) -> "ModelInfo | None":
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.model_info(name, timeout=hub_http.SILENCE_SECONDS)
    except RepositoryNotFoundError:
        return None


def _file_names(model: "ModelInfo | None") -> list[str]:
    return [file.rfilename for file in (model.siblings or ())] if model else []


def _check_replaceable(existing: "ModelInfo", name: str, private: bool) -> None:
    """Raise HubError if a push would overwrite a model from elsewhere or publish a private one."""
    names = set(_file_names(existing)) - {".gitattributes"}
    if names and PROVENANCE_FILE not in names:
        raise HubError(
            f"{name} contains a model that was not pushed by Intent Studio: choose another name."
        )
    if private and not existing.private:
        raise HubError(
            f"{name} already exists and is public: make it private in its settings on the Hub, or "
            "choose another name."
        )


def _additions(files: Files, on_progress: OnProgress) -> "list[CommitOperationAdd]":
    """Return the files to add; the client reads the weights twice, to hash and to upload them."""
    from huggingface_hub import CommitOperationAdd

    on_progress("reading the checkpoint", None)
    weights = {
        name: _ReportingReader(file) for name, file in files.items() if not isinstance(file, bytes)
    }
    additions = [
        CommitOperationAdd(name, weights.get(name, content)) for name, content in files.items()
    ]
    total = sum(os.fstat(file.fileno()).st_size for file in weights.values())

    def report() -> None:
        sent = sum(file.furthest for file in weights.values())
        on_progress(f"uploading {total / 1e6:.0f} MB", sent / max(1, total))

    for file in weights.values():
        file.furthest, file.on_read = 0, report
    report()
    return additions


class _ReportingReader(io.BufferedReader):
    """A file that reports how far it has been read."""

    def __init__(self, file: io.BufferedReader) -> None:
        """Read the same file, without its buffer."""
        super().__init__(file.raw)
        self.furthest = 0  # bytes
        self.on_read: Callable[[], None] = lambda: None

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.furthest = max(self.furthest, self.tell())
        self.on_read()
        return data


def _sentence(name: str, error: Exception) -> str:
    """Return what failed, and what to do next."""
    status = status_of(error)
    if status == 401:
        return f"The Hub rejected this token: copy it again from {TOKEN_PAGE}."
    if status == 403:
        return (
            f"This token has no write access to {name}: grant it at {TOKEN_PAGE}, or push to your own "
            "account."
        )
    if status == 409:
        return f"{name} is taken: choose another name."
    if status == 429:
        wait = retry_seconds(error)
        when = f"in {wait} s" if wait else "later"
        return f"Too many requests to the Hub: try again {when}. The run is unchanged."
    return (
        f"The push to {name} failed ({reason_of(error)}): try again. The run is unchanged, and files "
        "that were already uploaded are not sent again."
    )
