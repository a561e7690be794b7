"""What several modules of tests begin with."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.tiny import tiny_whisper, tone_folder

# A machine that is busy with something else makes no law false.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Whisper (base), dropout off, and tones: 24 to learn, 6 to test on."""
    folder = tmp_path_factory.mktemp("world")
    tiny_whisper(folder / "base")
    tone_folder(folder / "tones")
    return folder
