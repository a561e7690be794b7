"""Write requests to the test Hub: repositories, large files by hash, commits."""

import base64
import hashlib
import json
import re

from tests.hub.call import Call, Refusal, check_writer, user_of
from tests.hub.store import Repository, commit_id, git_id

LARGE = re.compile(r".*\.(safetensors|bin|onnx|png|parquet)")  # what goes through LFS


def create(call: Call) -> None:
    """Make a repository."""
    asked = json.loads(call.body)
    user = user_of(call)
    owner = asked.get("organization") or (user.name if user else "")
    check_writer(call, owner)
    name = f"{owner}/{asked['name']}"
    if name in call.hub.models:
        raise Refusal(409, message="You already created this model repo")
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    call.hub.models[name] = Repository({".gitattributes": b"* text\n"}, private=private)
    call.send({"url": f"http://{call.headers['Host']}/{name}", "name": name})


def validate_card(call: Call) -> None:
    """Accept a card that has metadata."""
    content = json.loads(call.body)["content"]
    if not re.match(r"---\n.*?\n---\n", content, re.DOTALL):
        raise Refusal(400, message="no metadata")
    call.send({"errors": [], "warnings": []})


def preupload(call: Call, name: str, revision: str) -> None:
    """Send how to upload each file, and which ones exist already."""
    check_writer(call, name.split("/")[0])
    there = call.hub.models[name].files
    call.send(
        {
            "files": [
                {
                    "path": file["path"],
                    "shouldIgnore": False,
                    "uploadMode": "lfs" if LARGE.fullmatch(file["path"]) else "regular",
                    "oid": remote_id(file["path"], there.get(file["path"])),
                }
                for file in json.loads(call.body)["files"]
            ]
        }
    )


def remote_id(path: str, content: bytes | None) -> str | None:
    """Return the id by which the client recognizes an unchanged file."""
    if content is None:
        return None
    return hashlib.sha256(content).hexdigest() if LARGE.fullmatch(path) else git_id(content)


def lfs_batch(call: Call, name: str) -> None:
    """Send where to upload the large files that are missing."""
    check_writer(call, name.split("/")[0])
    here = f"http://{call.headers['Host']}"
    objects = []
    for asked in json.loads(call.body)["objects"]:
        answer = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in call.hub.large:
            where = f"{asked['oid']}/{asked['size']}"
            answer["actions"] = {
                "upload": {"href": f"{here}/storage/{where}"},
                "verify": {"href": f"{here}/{name}.git/info/lfs/verify"},
            }
        objects.append(answer)
    call.send({"transfer": "basic", "objects": objects})


def store(call: Call, oid: str, size: str) -> None:
    """Store a large file. The storage has signed URLs, so it must not get a token."""
    if call.headers.get("Authorization"):
        raise Refusal(400, message="a token was sent to the storage")
    if len(call.body) != int(size) or hashlib.sha256(call.body).hexdigest() != oid:
        raise Refusal(400, message="other bytes than were announced")
    call.hub.large[oid] = call.body
    call.send_bytes(b"", 200, {})


def verify(call: Call, name: str) -> None:
    """Confirm that a large file has arrived."""
    check_writer(call, name.split("/")[0])
    asked = json.loads(call.body)
    if len(call.hub.large.get(asked["oid"], b"")) != asked["size"]:
        raise Refusal(404, message="not there")
    call.send({})


def commit(call: Call, name: str, revision: str) -> None:
    """Make a commit, all of it at once."""
    check_writer(call, name.split("/")[0])
    repository = call.hub.models[name]
    lines = [json.loads(line) for line in call.body.splitlines()]
    files, large = dict(repository.files), set(repository.large)
    for line in lines[1:]:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            files[value["path"]] = call.hub.large[value["oid"]]
            large.add(value["path"])
        else:
            del files[value["path"]]
    repository.files, repository.large = files, large  # all at once, as a commit is
    repository.commits.append(lines[0]["value"]["summary"])
    url = f"http://{call.headers['Host']}/{name}/commit/{commit_id(files)}"
    call.send({"success": True, "commitOid": commit_id(files), "commitUrl": url})
