"""MInDS-14 from a Hub on the loopback: answering, silent, broken and gone.

Each load runs in a process of its own, because the Hub's address is read once, at import.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from intent.data.dataset import load_data
from intent.data.minds14 import LOCALES
from intent.errors import DataError
from tests.hub import Fault, Hub, Repository, User, serve
from tests.repository import ROOT
from tests.unit.data.test_dataset import write_parquet

CARD = """---
configs:
- config_name: en-US
  data_files:
  - split: train
    path: en-US/train-*
---
"""
LOAD = """
import json, sys
from intent.data.dataset import load_data, summary
from intent.errors import DataError
try:
    data = load_data("minds14", sys.argv[1:])
    print(json.dumps([list(data), data["all"].column_names, summary(data).clips_per_label]))
except DataError as error:
    print(error)
"""


def load(address: str, home: Path, *locales: str, **environment: str) -> str:
    """What a fresh process prints that loads the locales from a Hub at the address."""
    clean = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *locales],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**clean, "HF_ENDPOINT": address, "HF_HOME": str(home), **environment},
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def refusal(reason: str) -> str:
    return (
        f"MInDS-14 could not be downloaded from the Hugging Face Hub ({reason}): "
        "choose the bundled sample, or a folder of recordings."
    )


def minds14(files: dict[str, bytes], *faults: Fault) -> Hub:
    """A Hub with MInDS-14 and faults."""
    return Hub(
        users={"hf_old": User("ada")},
        datasets={"PolyAI/minds14": Repository(files)},
        faults=list(faults),
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A repository of one locale, in the layout and with the columns of the real one."""
    path = write_parquet(tmp_path / "made" / "en-US", labels=("low", "high"), clips_per_label=3)
    return {"README.md": CARD.encode(), f"en-US/{path.name}": path.read_bytes()}


def test_a_locale_is_fetched_from_the_hub_and_afterwards_needs_none(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    with serve(minds14(files)) as address:
        fetched = load(address, tmp_path / "home", "en-US")
    columns = ["audio", "label", "transcription", "locale", "synthetic", "name"]
    assert json.loads(fetched) == [["all"], columns, {"low": 3, "high": 3}]

    assert load(address, tmp_path / "home", "en-US") == fetched  # nobody listens there now
    assert load(address, tmp_path / "home", "en-US", HF_HUB_OFFLINE="1") == fetched


def test_an_unreachable_hub_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert load(address, tmp_path, "en-US") == refusal("no connection")


def test_a_hub_that_never_responds_times_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        message = load(address, tmp_path, "en-US", HF_HUB_ETAG_TIMEOUT="2")
    assert message == refusal("it did not answer in time")


PARQUET = "/resolve/.*parquet"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("/api/datasets", 401), "it returned status 401: check HF_TOKEN"),
        (Fault("/api/datasets", 403), "it returned status 403: check HF_TOKEN"),
        (Fault("/api/datasets", 404), "it returned status 404"),
        (
            Fault("/api/datasets", 429, headers={"Retry-After": "120"}),
            "too many requests: try again in 120 s",
        ),
        (Fault("/api/datasets", 503), "it returned status 503"),
        (Fault("/api/datasets", "stall"), "it did not answer in time"),
        (Fault("/api/datasets", "cut"), "the connection was lost"),
        (Fault(PARQUET, 401), "it returned status 401: check HF_TOKEN"),
        (Fault(PARQUET, 403), "it returned status 403: check HF_TOKEN"),
        (Fault(PARQUET, 503), "it returned status 503"),
        (
            Fault(PARQUET, 429, headers={"Retry-After": "120"}),
            "too many requests: try again in 120 s",
        ),
    ],
)
def test_each_failure_of_the_hub_is_reported_in_one_sentence(
    fault: Fault, reason: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    with serve(minds14(files, fault)) as address:
        message = load(address, tmp_path, "en-US", HF_HUB_ETAG_TIMEOUT="3", HF_TOKEN="hf_old")
    assert message == refusal(reason)


def test_a_download_that_breaks_once_is_retried(files: dict[str, bytes], tmp_path: Path) -> None:
    with serve(minds14(files, Fault(f"GET .*{PARQUET}", "cut", times=1))) as address:
        assert json.loads(load(address, tmp_path, "en-US"))[0] == ["all"]


def test_offline_mode_is_named(tmp_path: Path) -> None:
    message = load("http://127.0.0.1:9", tmp_path, "en-US", HF_HUB_OFFLINE="1")
    assert message == refusal("offline mode is on: HF_HUB_OFFLINE")


def test_an_unknown_locale_is_refused_with_the_fourteen() -> None:
    with pytest.raises(DataError) as refused:
        load_data("minds14", ["en-US", "en-NZ"])
    assert len(LOCALES) == 14
    assert str(refused.value) == (
        'MInDS-14 has no locale "en-NZ": choose from cs-CZ, de-DE, en-AU, en-GB, en-US, '
        "es-ES, fr-FR, it-IT, ko-KR, nl-NL, pl-PL, pt-PT, ru-RU, zh-CN."
    )
