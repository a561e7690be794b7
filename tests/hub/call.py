"""Requests to the test Hub: their user, their rights, and answers."""

from typing import Protocol

from tests.hub.store import Hub, User


class Refusal(Exception):
    """An answer other than 200, with the Hub's own code for it."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code = status, code


class Call(Protocol):
    """The part of a request that an action of the Hub uses."""

    hub: Hub
    headers: dict[str, str]
    body: bytes

    def send(self, value: object) -> None:
        """Answer with JSON."""

    def send_bytes(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        """Answer with a file."""


def user_of(call: Call) -> User | None:
    """Return the user of a token, None without a token; refuse an unknown token."""
    token = call.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not token:
        return None
    call.hub.tokens_seen.add(token)
    if token not in call.hub.users:
        raise Refusal(401, message="Invalid credentials in Authorization header")
    return call.hub.users[token]


def check_writer(call: Call, owner: str) -> None:
    """Refuse a user without write access to an owner."""
    user = user_of(call)
    if user is None:
        raise Refusal(401, message="Invalid username or password.")
    if user.role != "write" or owner not in (user.name, *user.groups):
        raise Refusal(403, message="You don't have the rights required")


def whoami(call: Call) -> None:
    """Send the user, and the role of the token."""
    user = user_of(call)
    if user is None:
        raise Refusal(401)
    call.send(
        {
            "type": "user",
            "name": user.name,
            "orgs": [{"name": g} for g in user.groups],
            "auth": {"type": "access_token", "accessToken": {"role": user.role}},
        }
    )
