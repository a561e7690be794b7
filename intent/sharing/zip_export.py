"""Pack a run into one zip: checkpoint, model card, recipe, report, and ONNX on request."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intent.checkpoints.resolve import window_seconds
from intent.errors import RunError
from intent.models.onnx_export import onnx_bytes
from intent.runs.directory import RunDir
from intent.runs.disk_full import is_full
from intent.sharing import OnProgress, no_progress
from intent.sharing.card import card_files
from intent.sharing.public_view import Files, checkpoint_files, public_run, recipe_file

ONNX_FILE = "onnx/model.onnx"
EPOCH = (1980, 1, 1, 0, 0, 0)  # one date for all files, so that the same run gives the same zip
MODE = 0o644 << 16  # -rw-r--r--, where zip keeps it
COPY_BYTES = 1 << 20


@contextmanager
def zipped(
    run: RunDir, with_onnx: bool = False, on_progress: OnProgress = no_progress
) -> Iterator[Path]:
    """Yield a zip named after a run, which is removed when the block ends.

    Its files are in a folder named after the run, which stock `pipeline` loads; none contains a
    path of this machine. The same run gives the same bytes. Raises RunError (the run is training,
    has no checkpoint, or the disk is full) and CheckpointError (ONNX).
    """
    public = public_run(run)
    with tempfile.TemporaryDirectory(prefix="intent-share-") as folder:
        target = Path(folder) / f"{run.id}.zip"
        try:
            with checkpoint_files(run, public) as checkpoint:
                on_progress("writing the model card", None)
                window = window_seconds(run.model)
                files: Files = {
                    **checkpoint,
                    **card_files(public, run.history(), run.id, run.id, window),
                    "recipe.json": recipe_file(public),
                }
                if public.report:
                    files["report.json"] = public.report_json
                if with_onnx:
                    on_progress("exporting to ONNX (about half a minute)", None)
                    files[ONNX_FILE] = onnx_bytes(run.model)
                on_progress("packing", None)
                _write(target, run.id, files)
        except OSError as error:
            raise _cannot_write(run, error) from None
        yield target


def _write(target: Path, folder: str, files: Files) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            content = files[name]
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.external_attr = MODE
            entry.create_system = 3  # Unix, on every machine
            if isinstance(content, bytes):
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, content)
                continue
            entry.compress_type = zipfile.ZIP_STORED  # weights hardly compress
            with packed.open(entry, "w", force_zip64=True) as stored:
                shutil.copyfileobj(content, stored, COPY_BYTES)


def _cannot_write(run: RunDir, error: OSError) -> RunError:
    if is_full(error):
        return RunError(
            f"There is no space for the zip of run {run.id} in {tempfile.gettempdir()}: free some "
            "space and try again."
        )
    return RunError(f"Run {run.id} could not be packed ({error.strerror or error}): try again.")
