"""A run as one zip: its checkpoint, its card, its recipe, its report, and ONNX when asked."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from intent.checkpoints.resolve import window_seconds
from intent.errors import RunError
from intent.models.onnx_export import onnx_bytes
from intent.runs.directory import RunDir
from intent.runs.disk_full import is_full
from intent.sharing.card import card_files
from intent.sharing.public_view import checkpoint_files, published, recipe_file

ONNX_FILE = "onnx/model.onnx"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that a zip knows: equal files make equal zips
MODE = 0o644 << 16
COPY_BYTES = 1 << 20

OnPhase = Callable[[str], None]


@contextmanager
def zipped(
    run: RunDir, with_onnx: bool = False, on_phase: OnPhase = lambda phase: None
) -> Iterator[Path]:
    """Give a run as a zip named after it, which is removed when the block ends.

    All lies in a folder named after the run, which stock pipeline loads; no file holds a path of
    this machine. The same run gives the same bytes. on_phase gets what is being done, in words.
    Raises RunError (it trains, has no checkpoint, or the disk is full) and CheckpointError (ONNX).
    """
    about = published(run)
    with tempfile.TemporaryDirectory(prefix="intent-share-") as folder:
        target = Path(folder) / f"{run.id}.zip"
        try:
            with checkpoint_files(run, about) as checkpoint:
                on_phase("writing the card")
                window = window_seconds(run.model)
                files = {
                    **checkpoint,
                    **card_files(about, run.history(), run.id, run.id, window),
                    "recipe.json": recipe_file(about),
                }
                if about.report:
                    files["report.json"] = json.dumps(about.report, indent=1).encode()
                if with_onnx:
                    on_phase("writing ONNX, half a minute or so")
                    files[ONNX_FILE] = onnx_bytes(run.model)
                on_phase("packing")
                _write(target, run.id, files)
        except OSError as error:
            raise _cannot_write(run, error) from None
        yield target


def _write(target: Path, folder: str, files: dict[str, bytes | BinaryIO]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            content = files[name]
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.external_attr = MODE
            entry.create_system = 3  # Unix, whatever the machine
            if isinstance(content, bytes):
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, content)
                continue
            entry.compress_type = zipfile.ZIP_STORED  # weights hardly shrink
            with packed.open(entry, "w", force_zip64=True) as stored:
                shutil.copyfileobj(content, stored, COPY_BYTES)


def _cannot_write(run: RunDir, error: OSError) -> RunError:
    if is_full(error):
        return RunError(
            f"There is no room for the zip of run {run.id} in {tempfile.gettempdir()}: free some "
            "space and try again."
        )
    return RunError(f"Run {run.id} could not be packed ({error.strerror or error}): try again.")
