"""What several modules of tests begin with."""

from pathlib import Path

import pytest

from tests.tiny import tiny_whisper, tone_folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Whisper (base), dropout off, and tones: 24 to learn, 6 to test on."""
    folder = tmp_path_factory.mktemp("world")
    tiny_whisper(folder / "base")
    tone_folder(folder / "tones")
    return folder
