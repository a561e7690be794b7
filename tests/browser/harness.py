"""The real app in a process of its own, and Chromium with a microphone that plays a file."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, expect

from tests.repository import ROOT

EXAMPLES = ROOT / "assets" / "examples"
SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
START_SECONDS = 180  # for imports on a slow machine
POLLS_PER_SECOND = 20  # for the app's first answer
WAIT_MILLISECONDS = 60_000  # for anything that a page is expected to show
WIDE, PHONE = (1280, 900), (390, 844)  # CSS pixels

# The page links to no network; a browser without one complains of that alone.
HARMLESS = re.compile(r"favicon|manifest\.json|vega", re.IGNORECASE)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serve(
    home: Path,
    host: str = "127.0.0.1",
    script: str = "app.py",
    settings: dict[str, str] | None = None,
) -> Iterator[str]:
    """Run app.py with everything it writes under a fresh folder; yield its address.

    script: another one of the repository, to run in its stead; settings: of its environment.
    """
    port = free_port()
    environment = {
        **os.environ,
        "INTENT_RUNS": str(home / "runs"),
        "INTENT_CACHE": str(home / "cache"),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SERVER_NAME": host,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(home / "uploads"),
        "PYTHONPATH": str(ROOT),
        **(settings or {}),
    }
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "app.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / script)],
            cwd=home,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(process, port, home / "app.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(START_SECONDS * POLLS_PER_SECOND):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
            return
        except (urllib.error.URLError, OSError):
            pass
        try:
            process.wait(timeout=1 / POLLS_PER_SECOND)
            break
        except subprocess.TimeoutExpired:
            continue
    raise RuntimeError(f"app.py did not answer:\n{log.read_text(encoding='utf-8')[-4000:]}")


def open_browser(playwright: Playwright, microphone: Path | None) -> Browser:
    """Start Chromium whose microphone plays a WAV file once; None: there is no microphone.

    Debian's /usr/bin/chromium if it is there, else the one that `playwright install` fetched;
    raises playwright's own error where there is neither.
    """
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    if microphone:
        flags += [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}%noloop",
        ]
    system = str(SYSTEM_CHROMIUM) if SYSTEM_CHROMIUM.exists() else shutil.which("chromium")
    return playwright.chromium.launch(executable_path=system, args=flags)


def open_page(
    browser: Browser,
    url: str,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
    permissions: tuple[str, ...] = ("microphone",),
    before: str = "",
    usable: Callable[[Page], None] | None = None,
) -> Page:
    """Open the app in a context of its own, as one more visitor, and wait until it can be used.

    `before` is JavaScript that runs ahead of the page's own; `usable` waits for another page than
    the app's. What goes wrong in the page's console is gathered by `problems`.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB"
    )
    context.set_default_timeout(WAIT_MILLISECONDS)
    context.grant_permissions(list(permissions))
    if before:
        context.add_init_script(before)
    page = context.new_page()
    _problems[page] = []
    page.on("console", lambda message: _note(page, message.type, message.text))
    page.on("pageerror", lambda error: _note(page, "error", str(error)))
    page.goto(url)
    (usable or wait_until_usable)(page)
    return page


def wait_until_usable(page: Page) -> None:
    """Wait until the page is drawn and has said which checkpoint listens."""
    expect(page.get_by_role("heading", name="Intent Studio")).to_be_visible()
    expect(page.locator("#about")).to_contain_text("Base model")


def reload(page: Page) -> None:
    """Reload the page; the requests that this cuts off are no problems of the page."""
    before = list(_problems[page])
    page.reload(wait_until="commit")
    _problems[page][:] = before
    page.wait_for_load_state()


_problems: dict[Page, list[str]] = {}


def problems(page: Page) -> list[str]:
    """The errors in the page's console so far, without those known to be harmless."""
    return _problems[page]


def _note(page: Page, kind: str, text: str) -> None:
    if kind == "error" and not HARMLESS.search(text):
        _problems[page].append(text)
