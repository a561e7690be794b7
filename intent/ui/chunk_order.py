"""Let no chunk of a stream be lost: each waits until the one before it has been taken.

Gradio keeps only the latest chunk of a stream. Where two arrive while one is classified, on a busy
machine, the first of them would be lost, and a gap in the sound is a click. Chunks that were on their
way when their stream was closed are dropped; Gradio would call them errors.
"""

import asyncio
import re
from collections import defaultdict

from intent.ui.gate import App, Receive, Scope, Send
from intent.ui.shared.compat import chunk_is_waiting, stream_is_open

CHUNK = re.compile(r"/gradio_api/stream/([^/]+)/?")
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 30.0  # as long as Gradio waits for the next chunk


class ChunkOrder:
    """ASGI middleware that passes on the chunks of each stream one by one, in their order."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = defaultdict(int)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; that of a chunk when its turn has come."""
        found = CHUNK.fullmatch(scope.get("path", "")) if scope["type"] == "http" else None
        if not found:
            return await self.app(scope, receive, send)
        stream = found[1]
        self._waiting[stream] += 1
        try:
            async with self._turns.setdefault(stream, asyncio.Lock()):
                for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
                    if not chunk_is_waiting(scope["app"], stream):
                        break
                    await asyncio.sleep(LOOK_SECONDS)
                if stream_is_open(scope["app"], stream):
                    await self.app(scope, receive, send)
                else:
                    await _drop(send)
        finally:
            self._waiting[stream] -= 1
            if not self._waiting[stream]:
                del self._waiting[stream], self._turns[stream]


async def _drop(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
