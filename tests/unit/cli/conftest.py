"""What every test of the command line begins with."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Hub, and caches and runs of the test's own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INTENT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
