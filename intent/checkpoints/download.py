"""Download checkpoints from the Hugging Face Hub, with a time limit on every request."""

import functools
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from intent.checkpoints.provenance import FILE_NAME as PROVENANCE_FILE
from intent.errors import CheckpointError
from intent.hub_http import limit_waits, reason_of, token
from intent.writable import make_cache_writable

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FIRST_ANSWER_SECONDS = 8  # time limit of the first answer of the Hub
REFRESH_SECONDS = 600  # after which the revision of a checkpoint is looked up on the Hub again
MAX_WEIGHT_BYTES = 4_000_000_000  # a billion parameters in float32

HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})?")
EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")
DESCRIPTION_FILES = ("config.json", *EXTRACTOR_FILES, PROVENANCE_FILE)
WEIGHT_FILES = ("model*.safetensors", "model.safetensors.index.json")
CONVERTER = (
    "SFconvertbot"  # the Hub's bot, which opens pull requests that add safetensors to a repository
)


def fetch(hub_id: str, shown: str, weights: bool = True) -> Path:
    """Return the folder of a checkpoint in the cache of the Hub; downloads what is missing.

    Downloads only the JSON files and, if `weights`, the safetensors: never code, never pickles.
    Without a connection, an earlier download is used. shown: the name of the checkpoint in errors.
    Raises CheckpointError.
    """
    return fetch_snapshot(hub_id, shown, weights, int(time.monotonic() / REFRESH_SECONDS))


def no_weights(shown: str) -> CheckpointError:
    """Return the error for a checkpoint without safetensors."""
    return CheckpointError(
        f"{shown} has no safetensors weights, and other formats are not loaded (pickles can run code): "
        "save it again with save_pretrained, or choose another checkpoint."
    )


def _for_owner(advice: str) -> str:
    """Return advice about the token of this machine; empty for public visitors."""
    return advice if token() is None else ""


@functools.lru_cache(maxsize=64)
def fetch_snapshot(hub_id: str, shown: str, weights: bool, epoch: int) -> Path:
    """Download a checkpoint; `epoch` changes when the cached answer expires."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    limit_waits()
    make_cache_writable(hub_id)
    patterns = [*DESCRIPTION_FILES, *(WEIGHT_FILES if weights else ())]
    try:
        revision = _revision_with_safetensors(hub_id, shown)
        return Path(
            snapshot_download(
                hub_id,
                revision=revision,
                allow_patterns=patterns,
                etag_timeout=FIRST_ANSWER_SECONDS,
                token=token(),
            )
        )
    except CheckpointError:
        raise
    except GatedRepoError:
        raise CheckpointError(
            f"{shown} requires you to accept its terms: "
            + _for_owner("accept them on the Hugging Face Hub and set HF_TOKEN, or ")
            + "choose the bundled checkpoint."
        ) from None
    except RepositoryNotFoundError:
        raise CheckpointError(
            f"{shown} was not found on the Hugging Face Hub, or it is private: check the name, "
            + _for_owner("set HF_TOKEN if it is yours, ")
            + "or choose the bundled checkpoint."
        ) from None
    except Exception as error:  # noqa: BLE001 - huggingface_hub passes on errors of its HTTP client
        return _cached_snapshot(hub_id, shown, patterns, error)


def _revision_with_safetensors(hub_id: str, shown: str) -> str | None:
    """Return None for the main revision, or the unmerged pull request of the Hub's converter."""
    from huggingface_hub import HfApi

    api = HfApi(token=token())
    if _checked_listing(api, hub_id, shown, None):
        return None
    for proposal in api.get_repo_discussions(
        hub_id, author=CONVERTER, discussion_type="pull_request", discussion_status="open"
    ):
        if _checked_listing(api, hub_id, shown, proposal.git_reference):
            return proposal.git_reference
    raise no_weights(shown)


def _checked_listing(api: "HfApi", hub_id: str, shown: str, revision: str | None) -> bool:
    """Return whether a revision has safetensors; raises CheckpointError if they are too large."""
    listing = api.model_info(
        hub_id, revision=revision, timeout=FIRST_ANSWER_SECONDS, files_metadata=True
    )
    sizes = [
        file.size or 0
        for file in listing.siblings or ()
        if re.fullmatch(r"model[^/]*\.safetensors", file.rfilename)
    ]
    if sum(sizes) > MAX_WEIGHT_BYTES:
        raise CheckpointError(
            f"{shown} has {sum(sizes) / 1e9:.1f} GB of weights; at most "
            f"{MAX_WEIGHT_BYTES / 1e9:.0f} GB are supported: choose a smaller checkpoint."
        )
    return bool(sizes)


def _cached_snapshot(hub_id: str, shown: str, patterns: list[str], reason: Exception) -> Path:
    """Return an earlier download, if it is complete; raises CheckpointError.

    For public visitors only in offline mode: the download may have needed the owner's token, and
    without the Hub there is no way to check that the visitor has access.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE, HF_HUB_OFFLINE

    proposals = Path(HF_HUB_CACHE, f"models--{hub_id.replace('/', '--')}", "refs", "refs", "pr")
    revisions = [None, *(f"refs/pr/{path.name}" for path in proposals.glob("*"))]
    for revision in revisions if token() is None or HF_HUB_OFFLINE else ():
        try:
            folder = snapshot_download(
                hub_id, revision=revision, allow_patterns=patterns, local_files_only=True
            )
        except Exception:  # noqa: BLE001, S112 - not cached, whatever the reason
            continue
        return Path(folder)
    advice = "check the name and your connection, or "
    if HF_HUB_OFFLINE:
        advice = _for_owner("unset HF_HUB_OFFLINE to download it, or ")
    raise CheckpointError(
        f"{shown} could not be downloaded from the Hugging Face Hub ({reason_of(reason)}): "
        f"{advice}choose the bundled checkpoint."
    ) from reason
