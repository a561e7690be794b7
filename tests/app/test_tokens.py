"""The owner's token is the owner's: an app that strangers reach never sends it for them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from intent.runs.access import HEADER
from tests.browser.harness import EXAMPLES, serve
from tests.hub import server
from tests.hub.store import Hub, Repository, User
from tests.tiny import tiny_whisper
from tests.waiting import wait_for

TOKEN, SAVED_TOKEN = "hf_of_the_owner", "hf_saved_by_the_owner"
PATIENCE_SECONDS = 180


@contextmanager
def app_beside_a_hub(home: Path, settings: dict[str, str]) -> Iterator[tuple[Client, Hub]]:
    """Run app.py with two tokens of its owner's, beside a Hub with a private and a public model."""
    model = tiny_whisper(home / "model")
    private, public = Repository.of(model), Repository.of(model)
    private.private = True
    users = {TOKEN: User("ada"), SAVED_TOKEN: User("ada")}
    hub = Hub(users=users, models={"ada/private": private, "ada/public": public})
    (home / "hub").mkdir()
    (home / "hub" / "token").write_text(SAVED_TOKEN)  # as `hf auth login` leaves it
    with server.serve(hub) as endpoint:
        network = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        with serve(home, settings={"HF_TOKEN": TOKEN, **network, **settings}) as url:
            yield Client(url, verbose=False, headers={HEADER: "the-secret-of-a-visitor"}), hub


def test_the_owners_token_is_never_used_for_a_visitors_request(tmp_path: Path) -> None:
    with app_beside_a_hub(tmp_path, {"SPACE_ID": "ada/studio", "SYSTEM": "spaces"}) as (
        visitor,
        hub,
    ):
        recording = handle_file(str(EXAMPLES / "pay-a-bill.wav"))
        with pytest.raises(
            AppError, match="was not found on the Hugging Face Hub, or it is private"
        ):
            visitor.predict(recording, "ada/private", api_name="/classify")
        for data, base in (("sample", "ada/private"), ("minds14", "ada/public")):
            with pytest.raises(AppError, match="the Hugging Face Hub"):
                visitor.predict(data, ["en-US"], base, "instant", 42, "{}", api_name="/start")
        changes = '{"window_seconds": 2, "copies": 0, "mute_padding": false}'
        run_id = visitor.predict(
            "sample", ["en-US"], "ada/public", "instant", 42, changes, api_name="/start"
        )

        def training_has_fetched_the_weights() -> bool:
            return any(re.search("/ada/public/.*model.safetensors", one) for one in hub.requests)

        wait_for(training_has_fetched_the_weights, PATIENCE_SECONDS)
        assert hub.tokens_seen == set()
        visitor.predict(run_id, api_name="/stop")


@pytest.mark.parametrize(
    ("settings", "used"), [({}, TOKEN), ({"HF_TOKEN": ""}, SAVED_TOKEN)], ids=["HF_TOKEN", "saved"]
)
def test_on_ones_own_machine_the_token_is_used(
    tmp_path: Path, settings: dict[str, str], used: str
) -> None:
    with app_beside_a_hub(tmp_path, settings) as (owner, hub):
        recording = handle_file(str(EXAMPLES / "pay-a-bill.wav"))
        answer = owner.predict(recording, "ada/private", api_name="/classify")
        assert len(answer["top"]) == 3
        assert hub.tokens_seen == {used}
