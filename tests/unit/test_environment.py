"""Programs in an environment with unusable settings: folders, home, ports, terminals."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from intent import writable
from intent.paths import EXAMPLES
from tests.repository import ROOT

READ_BY_LIBRARIES = (
    "HF_",
    "HUGGINGFACE_",
    "XDG_",
    "INTENT_",
    "GRADIO_",
    "LC_",
    "LANG",
    "PYTHON",
    "SSL_",
)
OUTPUT = """
import os, sys
from intent.environment import prepare_environment
prepare_environment(page="page" in sys.argv)
import huggingface_hub.constants as hub, datasets.config as data, evaluate.config as metrics
from intent.paths import cache_dir
for path in (
    hub.HF_HOME, hub.HF_HUB_CACHE, data.HF_DATASETS_CACHE, metrics.HF_METRICS_CACHE, cache_dir()
):
    os.makedirs(path, exist_ok=True)
    open(os.path.join(path, "written"), "w").close()
    print(path)
temporary = os.environ.get("INTENT_TEMPORARY")
if temporary:
    assert os.stat(temporary).st_mode & 0o777 == 0o700
    import subprocess
    code = "from intent import environment; environment.prepare_environment()"
    child = [sys.executable, "-c", code]
    assert not subprocess.run(child, capture_output=True, check=True).stderr
"""


def python(
    folder: Path, settings: dict[str, str], *arguments: str, user: int | None = None
) -> subprocess.CompletedProcess:
    """Run Python in a folder with nothing of what these tests are about set but the settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(READ_BY_LIBRARIES)}
    kept = {k: v for k, v in kept.items() if k != "HOME" and not k.lower().endswith("_proxy")}
    environment = {
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **kept,
        **settings,
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        user=user,
        encoding="utf-8",
    )


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A path that not even root can write to: it lies under a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "folder"


def folders(process: subprocess.CompletedProcess) -> list[Path]:
    assert process.returncode == 0, process.stderr
    return [Path(line) for line in process.stdout.splitlines()]


@pytest.mark.parametrize(
    "variable",
    [
        "HF_HOME",
        "XDG_CACHE_HOME",
        "INTENT_CACHE",
        "HF_HUB_CACHE",
        "HF_DATASETS_CACHE",
        "HF_METRICS_CACHE",
    ],
)
def test_unwritable_folder_is_replaced_and_reported_once(
    variable: str, blocked: Path, tmp_path: Path
) -> None:
    process = python(tmp_path, {variable: str(blocked)}, "-c", OUTPUT)
    found = folders(process)
    [line] = process.stderr.splitlines()
    assert line.startswith(f"Not writable: {blocked if 'XDG' in variable else variable}")
    [temporary] = re.findall(r"The temporary folder (\S+) is used instead", line)
    assert any(path.is_relative_to(temporary) for path in found)
    assert not any(path.is_relative_to(blocked) for path in found)
    assert not Path(temporary).exists()  # removed at the end


def test_what_can_be_written_to_stays_where_it_is(tmp_path: Path, blocked: Path) -> None:
    settings = {"HF_HOME": str(blocked), "HF_DATASETS_CACHE": str(tmp_path / "data")}
    found = folders(python(tmp_path, settings, "-c", OUTPUT))
    assert found[2] == tmp_path / "data"
    assert found[4] == tmp_path / ".cache" / "intent-studio"


def test_a_usable_environment_is_not_reported_and_nothing_is_created(tmp_path: Path) -> None:
    process = python(tmp_path, {}, "-m", "intent", "runs", "list")
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", ["/nonexistent", "", "file"])
def test_an_unusable_home_folder_is_not_needed(home: str, blocked: Path, tmp_path: Path) -> None:
    home = str(blocked) if home == "file" else home
    process = python(tmp_path, {"HOME": home}, "-c", OUTPUT)
    assert folders(process)
    assert len(process.stderr.splitlines()) == (1 if home else 0)  # "" is the current folder
    assert not Path("/nonexistent").exists()
    assert not (tmp_path / "~").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_user_whom_the_system_does_not_know_has_a_folder_to_write_to(tmp_path: Path) -> None:
    code = (
        "import os; import intent.cli.main; from intent.environment import prepare_environment\n"
        "del os.environ['HOME']; os.setuid(54321); prepare_environment()\n"
        "from pathlib import Path; assert (Path.home() / 'a').write_text('') == 0"
    )
    process = python(tmp_path, {}, "-c", code)
    assert process.returncode == 0, process.stderr
    assert process.stderr.startswith(
        "Not writable: a cache folder (there is no home folder: HOME is not set). "
    )


def test_what_is_cached_of_the_hub_is_read_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "hub" / "models--me--model"
    (old / "refs").mkdir(parents=True)
    (old / "refs" / "main").write_text("abc")
    (old / "snapshots" / "abc").mkdir(parents=True)
    (old / "snapshots" / "abc" / "config.json").write_text("{}")
    monkeypatch.setattr(os, "environ", {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub")})
    for name in ("HF_HOME", "HF_DATASETS_CACHE", "INTENT_CACHE"):
        os.environ[name] = str(tmp_path / name)
    unwritable = lambda path: "Read-only file system" if path == tmp_path / "hub" else None  # noqa: E731
    monkeypatch.setattr(writable, "write_problem", unwritable)
    assert "(Read-only file system)" in writable.replace_unwritable_folders(page=False)
    new = Path(os.environ["HF_HUB_CACHE"]) / old.name
    assert new != old and (new / "snapshots" / "abc" / "config.json").read_text() == "{}"
    writable.make_cache_writable("me/model")
    (new / "refs" / "main").write_text("def")
    (new / "snapshots" / "abc" / "added").write_text("")
    assert (new / "snapshots" / "abc" / "config.json").read_text() == "{}"
    assert (old / "refs" / "main").read_text() == "abc"
    assert [path.name for path in (old / "snapshots" / "abc").iterdir()] == ["config.json"]


def test_classify_says_the_same_without_a_folder_to_write_to(tmp_path: Path, blocked: Path) -> None:
    clip = str(EXAMPLES / "pay-a-bill.wav")
    settings = {"HF_HOME": str(blocked), "INTENT_CACHE": str(blocked), "LC_ALL": "C"}
    process = python(tmp_path, settings, "-m", "intent", "classify", clip, "--top-k", "1")
    assert process.returncode == 0
    assert (
        process.stdout.isascii() and "#" * 30 in process.stdout and "Pay a bill" in process.stdout
    )
    assert len(process.stderr.splitlines()) == 1


def test_current_folder_that_was_removed_is_one_sentence(tmp_path: Path) -> None:
    code = (
        "import os, runpy; os.rmdir(os.getcwd()); runpy.run_module('intent', run_name='__main__')"
    )
    (tmp_path / "gone").mkdir()
    process = python(tmp_path / "gone", {}, "-c", code)
    assert (process.returncode, process.stderr) == (
        2,
        "The current folder was deleted: change to another one.\n",
    )


@pytest.mark.parametrize("value", ["much", "nan", "-1"])
def test_size_of_the_cache_that_is_no_number_is_one_sentence(value: str, tmp_path: Path) -> None:
    process = python(tmp_path, {"INTENT_CACHE_GB": value}, "-m", "intent", "runs", "list")
    assert (process.returncode, process.stderr) == (
        0,
        f'INTENT_CACHE_GB must be a number of gigabytes, but is "{value}": the default is used.\n',
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"GRADIO_SERVER_PORT": "http"},
            'GRADIO_SERVER_PORT must be a number from 1 to 65535, but is "http". The default is 7860.',
        ),
        (
            {"GRADIO_SERVER_PORT": "70000"},
            'GRADIO_SERVER_PORT must be a number from 1 to 65535, but is "70000". The default is 7860.',
        ),
        (
            {"GRADIO_NUM_PORTS": "many"},
            'GRADIO_NUM_PORTS must be a number from 1 to 65535, but is "many". The default is 100.',
        ),
        (
            {"GRADIO_SERVER_NAME": "192.0.2.1"},
            "The page cannot be served at 192.0.2.1 (Cannot assign requested address): set "
            "GRADIO_SERVER_NAME to an address of this machine, or unset it.",
        ),
    ],
)
def test_address_that_cannot_be_served_is_one_sentence(
    settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    process = python(tmp_path, settings, str(ROOT / "app.py"))
    assert (process.returncode, process.stdout, process.stderr) == (2, "", f"{sentence}\n")


def test_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        process = python(tmp_path, {"GRADIO_SERVER_PORT": port}, str(ROOT / "app.py"))
    assert (process.returncode, process.stderr) == (
        2,
        f"The page cannot be served on port {port} of 127.0.0.1, which another program uses: stop "
        "that program, or set GRADIO_SERVER_PORT to another port.\n",
    )


def test_data_set_that_cannot_be_cached_names_the_folder_and_never_its_files(
    tmp_path: Path, blocked: Path
) -> None:
    code = (
        "import sys, datasets; from pathlib import Path; from intent.errors import DataError\n"
        "from intent.data.dataset import load_data\n"
        "datasets.config.HF_DATASETS_CACHE = Path(sys.argv[1])\n"  # it went while this ran
        "try: load_data('sample')\n"
        "except DataError as error: print(error)"
    )
    said = python(tmp_path, {}, "-c", code, str(blocked)).stdout
    assert "is not writable (Not a directory)" in said
    assert "Parquet files are complete" not in said
