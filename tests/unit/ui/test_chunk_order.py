"""Chunks of a stream are passed on one by one, in their order, each after the last was taken."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TypeVar

from intent.ui.chunk_order import ChunkOrder

Result = TypeVar("Result")


class Streams:
    """What Gradio does with chunks: it keeps the latest, and takes it when it gets to it."""

    def __init__(self) -> None:
        self.event = SimpleNamespace(signal=asyncio.Event(), closed=False)
        self.queue = SimpleNamespace(event_ids_to_events={"a": self.event})
        self.latest = ""
        self.taken: list[str] = []
        self.others: list[str] = []

    def get_blocks(self) -> SimpleNamespace:
        return SimpleNamespace(_queue=self.queue)

    async def __call__(self, scope: dict, receive: object, send: object) -> None:
        if scope["path"] != "/gradio_api/stream/a":
            self.others.append(scope["path"])
            return
        self.latest = scope["chunk"]
        self.event.signal.set()

    async def take(self, count: int) -> None:
        """Take as many chunks as they come, each some time after it arrived."""
        while len(self.taken) < count:
            await self.event.signal.wait()
            for _ in range(20):  # other chunks arrive meanwhile
                await asyncio.sleep(0)
            self.event.signal.clear()
            self.taken.append(self.latest)


def request(streams: Streams, path: str = "/gradio_api/stream/a", chunk: str = "") -> dict:
    return {"type": "http", "path": path, "chunk": chunk, "app": streams}


def finish(coroutine: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine in a thread of its own: Playwright may have a running loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def call(order: ChunkOrder, scope: dict) -> None:
    await order(scope, None, None)  # type: ignore[arg-type]


def test_chunks_that_arrive_together_are_all_taken_in_order() -> None:
    async def run() -> list[str]:
        streams = Streams()
        order = ChunkOrder(streams)
        chunks = [call(order, request(streams, chunk=name)) for name in "abcdef"]
        await asyncio.gather(streams.take(6), *chunks)
        assert not order._turns
        return streams.taken

    assert finish(run()) == list("abcdef")


def test_other_requests_do_not_wait() -> None:
    async def run() -> list[str]:
        streams = Streams()
        streams.event.signal.set()  # and nobody takes the chunk
        order = ChunkOrder(streams)
        for path in ("/", "/gradio_api/stream/a/close", "/gradio_api/upload"):
            await call(order, request(streams, path))
        return streams.others

    assert finish(run()) == ["/", "/gradio_api/stream/a/close", "/gradio_api/upload"]


def test_a_chunk_of_a_closed_stream_is_dropped_without_an_error() -> None:
    async def run(streams: Streams) -> list[dict]:
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        await ChunkOrder(streams)(request(streams, chunk="late"), None, send)  # type: ignore[arg-type]
        return sent

    streams = Streams()
    streams.event.closed = True
    start, body = finish(run(streams))
    assert (start["status"], body["body"], streams.latest) == (200, b"{}", "")
    streams.queue.event_ids_to_events.clear()
    start, _ = finish(run(streams))
    assert start["status"] == 200
