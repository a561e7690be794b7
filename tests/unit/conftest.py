"""What several modules of tests begin with."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.tiny import tiny_whisper, tone_folder

# They start processes, train, or unpack large files. `pytest tests/unit -m "not slow"` takes under a
# minute.
SLOW = {
    "audio/test_bounds.py",
    "audio/test_stream.py",
    "audio/test_utterances.py",
    "audio/test_voice_activity.py",
    "benchmarks/test_results.py",
    "benchmarks/test_training.py",
    "checkpoints/test_bounds.py",
    "checkpoints/test_resolve.py",
    "cli/test_cli.py",
    "cli/test_timeline.py",
    "data/test_dataset.py",
    "data/test_files.py",
    "data/test_hostile_folders.py",
    "data/test_minds14.py",
    "data/test_parquet.py",
    "data/test_readme.py",
    "data/test_saved.py",
    "evaluation/test_evaluate.py",
    "models/test_classifier.py",
    "models/test_live.py",
    "models/test_timeline.py",
    "models/test_whisper_own_length.py",
    "runs/test_disk_full.py",
    "runs/test_events.py",
    "runs/test_fields_read.py",
    "runs/test_report.py",
    "runs/test_store.py",
    "sharing/test_push.py",
    "sharing/test_zip_export.py",
    "test_devices.py",
    "test_distributed.py",
    "test_environment.py",
    "test_hostile.py",
    "training/test_bases.py",
    "training/test_features.py",
    "training/test_out_of_memory.py",
    "training/test_resumed_split.py",
    "training/test_speech_part.py",
    "training/test_train.py",
    "ui/runs/test_rows.py",
    "ui/runs/test_share_panel.py",
}
UNIT = Path(__file__).parent

# A machine that is busy with something else makes no law false.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(UNIT) and str(item.path.relative_to(UNIT)) in SLOW:
            item.add_marker("slow")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Whisper (base), dropout off, and tones: 24 to learn, 6 to test on."""
    folder = tmp_path_factory.mktemp("world")
    tiny_whisper(folder / "base")
    tone_folder(folder / "tones")
    return folder
