"""A Hugging Face Hub of ours on the loopback, for the real client: see `serve`."""

from tests.hub.server import serve
from tests.hub.store import Fault, Hub, Repository, User

__all__ = ["Fault", "Hub", "Repository", "User", "serve"]
