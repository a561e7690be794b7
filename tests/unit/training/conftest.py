"""What several modules of tests of training begin with."""

from pathlib import Path

import pytest

from tests.tiny import tone_folder


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """A folder of tones, a label each."""
    return tone_folder(tmp_path / "tones")
