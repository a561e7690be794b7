"""Read requests to the test Hub: repository metadata and files."""

import hashlib
from urllib.parse import parse_qs

from tests.hub.call import Call, Refusal, user_of
from tests.hub.store import MODELS, Repository, git_id


def readable(call: Call, kind: str, name: str) -> Repository:
    """Return a repository that the user may read."""
    user, found = user_of(call), call.hub.repositories(kind).get(name)
    owner = name.split("/")[0]
    readers = (user.name, *user.groups) if user else ()
    if found is None or (found.private and owner not in readers):
        raise Refusal(404 if user else 401, "RepoNotFound", "Repository not found")
    if found.gated:
        raise Refusal(403, "GatedRepo")
    return found


def files_of(call: Call, kind: str, name: str, revision: str) -> tuple[str, dict[str, bytes]]:
    """Return the commit and the files of a revision."""
    commit = readable(call, kind, name).commit(revision)
    if commit is None:
        raise Refusal(404, "RevisionNotFound")
    return commit


def info(call: Call, kind: str, name: str, revision: str | None = None) -> None:
    """Send the metadata of a repository."""
    commit, files = files_of(call, kind, name, revision or "main")
    siblings = [{"rfilename": path, "size": len(data)} for path, data in files.items()]
    private = readable(call, kind, name).private
    call.send(
        {"id": name, "modelId": name, "sha": commit, "siblings": siblings, "private": private}
    )


def tree(call: Call, kind: str, name: str, revision: str, under: str | None = None) -> None:
    """Send the files and folders of a revision, or of a folder in it."""
    _, files = files_of(call, kind, name, revision)
    prefix = f"{under}/" if under else ""
    inside = {path: data for path, data in files.items() if path.startswith(prefix)}
    if prefix and not inside:
        raise Refusal(404, "EntryNotFound")
    folders = {
        "/".join(path.split("/")[: depth + 1])
        for path in inside
        for depth in range(path.count("/"))
    }
    call.send(
        [{"type": "directory", "path": path, "oid": "0" * 40} for path in sorted(folders)]
        + [_entry(path, content) for path, content in inside.items()]
    )


def paths(call: Call, kind: str, name: str, revision: str) -> None:
    """Send the metadata of the paths in a form."""
    _, files = files_of(call, kind, name, revision)
    asked = parse_qs(call.body.decode()).get("paths", [])
    call.send([_entry(path, files[path]) for path in asked if path in files])


def _entry(path: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": path, "size": len(content), "oid": git_id(content)}


def resolve(call: Call, kind: str | None, name: str, revision: str, path: str) -> None:
    """Send a file."""
    commit, files = files_of(call, kind or MODELS, name, revision)
    if path not in files:
        raise Refusal(404, "EntryNotFound")
    data = files[path]
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    call.send_bytes(data, 200, {"ETag": etag, "X-Repo-Commit": commit})


def discussions(call: Call, kind: str, name: str) -> None:
    """Send the open pull request, if there is one."""
    proposed = readable(call, kind, name).proposed is not None
    discussion = {
        "num": 1,
        "title": "Adding `safetensors` variant of this model",
        "status": "open",
        "author": {"name": "SFconvertbot"},
        "isPullRequest": True,
        "createdAt": "2024-01-01T00:00:00.000Z",
        "repo": {"name": "", "type": "model"},
    }
    call.send({"discussions": [discussion] * proposed, "count": int(proposed), "start": 0})
