"""Laws of the cache of features: its size cap, and that results do not depend on what it holds."""

import os
from pathlib import Path

import numpy as np
import pytest

from intent import recipes
from intent.paths import cache_dir, folder_bytes
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.training.feature_cache import SMALL_BYTES, FeatureCache
from intent.training.train import train
from tests.tiny import tiny_whisper, tone_folder

pytestmark = pytest.mark.usefixtures("fresh_cache")

LARGE = np.zeros(100_000, np.uint8)
GRADIENT = {"method": "fine-tune", "trainable_layers": 1, "batch_size": 16, "epochs": 1}
METHODS = {
    "closed-form": ("instant", {"copies": 1}),
    "leave-one-out": ("recommended", {"copies": 1, "epochs": 1}),
    "fine-tune": ("recommended", GRADIENT),
}


def names() -> set[str]:
    return {folder.name for folder in (cache_dir() / "features").iterdir()}


def front_ends_of_before(*keys: str) -> None:
    """Store an array for each front end, the least recently used last."""
    for age, key in enumerate(keys):
        cache = FeatureCache(key)
        cache.write(cache.path("abc"), LARGE)
        os.utime(cache.folder, (1e9 - age, 1e9 - age))


def test_the_cache_gives_back_what_was_stored_and_leaves_no_parts() -> None:
    cache = FeatureCache("key")
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    cache.write(cache.path("abc", 2), array)
    assert np.array_equal(np.load(cache.path("abc", 2)), array)
    assert [file.name for file in cache.folder.iterdir()] == ["abc-2.npy"]


def test_above_its_size_cap_the_cache_deletes_the_least_recently_used_front_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    front_ends_of_before("newest", "middle", "oldest")
    monkeypatch.setenv("INTENT_CACHE_GB", "0.00025")
    FeatureCache("fresh")
    assert names() == {"newest", "middle", "fresh"}


def test_a_full_cache_deletes_other_front_ends_and_keeps_those_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INTENT_CACHE_GB", "0.00044")
    front_ends_of_before("newer", "older")
    test, train = FeatureCache("test"), FeatureCache("train")
    test.write(test.path("abc"), LARGE)
    os.utime(test.folder, (1, 1))
    assert names() == {"newer", "older", "test", "train"}
    train.write(train.path("abc"), LARGE)
    train.write(train.path("def"), LARGE)
    assert names() == {"newer", "test", "train"}
    for number in range(9):
        train.write(train.path("ghi", number), LARGE)
        assert folder_bytes(test.folder.parent) <= 440_000
    assert names() == {"test", "train"}
    assert test.path("abc").exists() and not train.path("ghi", 8).exists()


def test_large_arrays_leave_room_for_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENT_CACHE_GB", "0.01")
    cache = FeatureCache("key")
    for number in range(120):
        cache.write(cache.path("large", number), LARGE)
    assert cache.is_full and folder_bytes(cache.folder) < 0.95 * 0.01 * 1e9
    cache.write(cache.path("row"), np.zeros(SMALL_BYTES // 4, np.float32))
    assert cache.path("row").exists()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kilobytes", [0, 100])
def test_a_run_whose_features_do_not_fit_gives_the_same_results(
    method: str, kilobytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset, changes = METHODS[method]
    base = tiny_whisper(tmp_path / "base")
    own = {"data": str(tone_folder(tmp_path / "tones")), "base": str(base), "window_seconds": 2}
    recipe = recipes.change(recipes.preset(preset), {**own, **changes})
    scores = []
    for name in ("with room", "without"):
        run = RunDir(tmp_path / name)
        run.path.mkdir()
        monkeypatch.setenv("INTENT_CACHE", str(tmp_path / f"cache {name}"))
        train(recipe, run, run.append)
        scores.append([list(clip.top) for clip in read_report(run).clips])
        monkeypatch.setenv("INTENT_CACHE_GB", str(kilobytes / 1e6))
    with_room, without = (tmp_path / f"cache {name}" for name in ("with room", "without"))
    assert folder_bytes(with_room / "features") > 1000 * kilobytes
    assert folder_bytes(without / "features") <= 1000 * kilobytes
    assert scores[0] == scores[1]
