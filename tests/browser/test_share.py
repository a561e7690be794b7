"""The panel that shares a run, in a real browser, against a Hub of ours."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from intent.recipes import Recipe
from intent.runs.directory import RunDir
from tests.browser.harness import PHONE, open_page, problems, serve
from tests.finished import finished_run
from tests.hub import Hub, User
from tests.hub import serve as serve_hub

TOKEN = "hf_a-secret-of-hers"


@dataclass(frozen=True)
class World:
    """A page over two runs, and the Hub that it pushes to."""

    url: str
    hub: Hub
    endpoint: str
    newest: RunDir
    home: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home, hub = tmp_path_factory.mktemp("share"), Hub(users={TOKEN: User("ada")})
    finished_run(home / "runs", Recipe(base="openai/whisper-tiny.en"))
    newest = finished_run(home / "runs", Recipe(base="openai/whisper-base"), wav2vec2=True)
    with serve_hub(hub) as endpoint:
        settings = {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        with serve(home, script="tests/browser/share_page.py", settings=settings) as url:
            yield World(url, hub, endpoint, newest, home)


def usable(page: Page) -> None:
    expect(page.get_by_role("button", name="Push to the Hub")).to_be_enabled()


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    page = open_page(browser, world.url, usable=usable)
    yield page
    assert problems(page) == []
    page.context.close()


def fill_in(page: Page, name: str, token: str) -> None:
    page.get_by_label("Name on the Hub").fill(name)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Push to the Hub").click()


def test_one_click_downloads_the_zip(page: Page, world: World, tmp_path: Path) -> None:
    with page.expect_download() as arriving:
        page.get_by_role("button", name="Download").click()
    arriving.value.save_as(tmp_path / "run.zip")
    assert arriving.value.suggested_filename == f"{world.newest.id}.zip"
    with zipfile.ZipFile(tmp_path / "run.zip") as packed:
        weights = packed.read(f"{world.newest.id}/model.safetensors")
        assert f"{world.newest.id}/README.md" in packed.namelist()
    assert weights == (world.newest.model / "model.safetensors").read_bytes()
    expect(page.get_by_text(f"Downloading {world.newest.id}.zip")).to_be_visible()
    with page.expect_download() as again:
        page.get_by_role("button", name="Save again").click()
    assert again.value.suggested_filename == f"{world.newest.id}.zip"


def test_a_push_links_to_the_model_and_clears_the_token(page: Page, world: World) -> None:
    page.get_by_label("Private").check()
    fill_in(page, "ada/calls", TOKEN)
    expect(page.get_by_role("link", name=f"{world.endpoint}/ada/calls")).to_be_visible()
    expect(page.get_by_label("Token")).to_have_value("")
    arrived = world.hub.models["ada/calls"]
    assert arrived.private
    weights = (world.newest.model / "model.safetensors").read_bytes()
    assert arrived.files["model.safetensors"] == weights
    assert TOKEN not in page.content()
    kept = [path for path in world.home.rglob("*") if path.is_file()]
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def test_a_wrong_token_is_reported_and_cleared_and_the_push_can_be_repeated(
    page: Page, world: World
) -> None:
    fill_in(page, "ada/second", "hf_expired")
    expect(page.get_by_role("alert")).to_contain_text("The Hub rejected this token")
    expect(page.get_by_label("Token")).to_have_value("")
    expect(page.get_by_label("Name on the Hub")).to_have_value("ada/second")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Push to the Hub").click()
    expect(page.get_by_role("link", name=f"{world.endpoint}/ada/second")).to_be_visible()


def test_selecting_another_run_clears_the_previous_messages(page: Page) -> None:
    fill_in(page, "no name", TOKEN)
    expect(page.get_by_role("alert")).to_contain_text(
        "The name must have the form your-name/my-model"
    )
    page.get_by_label("none of these").check()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no run 'none of these'")
    expect(page.get_by_role("button", name="Save again")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_without_scrolling_sideways(
    browser: Browser, world: World, scheme: str
) -> None:
    page = open_page(browser, world.url, PHONE, scheme, usable=usable)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.context.close()
