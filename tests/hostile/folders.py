"""Hostile data folders: files that unpack to gigabytes, that lead elsewhere, or that are damaged."""

import json
import os
import random
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from unittest import mock

from tests.hostile.case import Case
from tests.tiny import tone, tone_folder, wav_bytes

MUTATIONS = 200  # of one small good Parquet file
MEGABYTE = 1_000_000

Make = Callable[[random.Random, Path], object]


def cases(seed: int) -> Iterator[Case]:
    """Yield hostile data folders; the same seed gives the same ones."""
    for name, make in (*_bombs(), *_links(), *_tables(), *_names(), *_readmes()):
        yield Case(name, _read_all, partial(_make, make, seed))
    for number in range(MUTATIONS):
        make = partial(_mutated, number)
        yield Case(f"mutation {number} of a Parquet file", _read_all, partial(_make, make, seed))


def _make(make: Make, seed: int, folder: Path) -> None:
    (folder / "data").mkdir()
    make(random.Random(seed), folder / "data")


def _read_all(folder: Path) -> int:
    """Load a data folder and read every clip; return how many could be read."""
    import datasets

    from intent.data.dataset import load_data, readable_clips

    data = folder / "data"
    with mock.patch.object(datasets.config, "HF_DATASETS_CACHE", folder / "cache"):
        parts = load_data(str(data)).values()
        return sum(1 for part in parts for _ in readable_clips(part, lambda *skip: None))


def _bombs() -> Iterator[tuple[str, Make]]:
    def zipped(rng: random.Random, folder: Path) -> None:
        tone_folder(folder, 2)
        with zipfile.ZipFile(folder / "more.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for number in range(20):
                file.writestr(f"low/{number}.wav", bytes(10 * MEGABYTE))

    def long_texts(rows: int, characters: int, rng: random.Random, folder: Path) -> None:
        write_parquet(folder, transcription=_repeated("x" * characters, rows))

    def long_sounds(rng: random.Random, folder: Path) -> None:
        import pyarrow as pa

        sounds = pa.array([bytes(MEGABYTE)]).take(pa.array([0] * 500))
        write_parquet(folder, audio=pa.StructArray.from_arrays([sounds], ["bytes"]))

    def class_names(rng: random.Random, folder: Path) -> None:
        features = {"label": {"_type": "ClassLabel", "names": [str(n) for n in range(100_000)]}}
        write_parquet(folder, features, label=[0, 1])

    yield "a zip that unpacks to 200 MB", zipped
    yield "one transcript of a megabyte, a thousand times", partial(long_texts, 1000, MEGABYTE)
    yield "a usual transcript, a hundred thousand times", partial(long_texts, 100_000, 9000)
    label = _table(label=lambda: _repeated("x" * MEGABYTE, 1000))
    yield "one label of a megabyte, a thousand times", label
    yield "one sound of a megabyte, five hundred times", long_sounds
    yield "sounds of 150 MB", _table(audio=lambda: [{"bytes": bytes(150 * MEGABYTE)}] * 2)
    yield "a hundred thousand class names", class_names


def _links() -> Iterator[tuple[str, Make]]:
    def sounds(rng: random.Random, folder: Path) -> None:
        tone_folder(folder, 2)
        odd_files(folder / "low", ".wav")

    def parquets(rng: random.Random, folder: Path) -> None:
        odd_files(folder, ".parquet")

    def parquets_beside_one(rng: random.Random, folder: Path) -> None:
        odd_files(folder, ".parquet")
        write_parquet(folder)

    def readme(rng: random.Random, folder: Path) -> None:
        write_parquet(folder)
        (folder / "README.md").symlink_to(rng.choice(["/dev/zero", "/etc/passwd", "README.md"]))

    def whole(rng: random.Random, folder: Path) -> None:
        folder.rmdir()
        folder.symlink_to(rng.choice(["/dev", "/proc/self/fd", "data", "/nowhere"]))

    yield "links and pipes among the sounds of a label", sounds
    yield "links and pipes named as Parquet files", parquets
    yield "links and pipes beside a Parquet file", parquets_beside_one
    yield "a README that is a link", readme
    yield "a data folder that is a link", whole


def odd_files(folder: Path, suffix: str) -> None:
    """Make everything that has a file's name and is no file of the folder."""
    targets = {
        "zero": "/dev/zero",
        "etc": "/etc",
        "passwd": "/etc/passwd",
        "up": "..",
        "circle": f"circle{suffix}",
        "nowhere": "nowhere",
        "long": "x" * 300,
    }
    for name, target in targets.items():
        (folder / f"{name}{suffix}").symlink_to(target)
    os.mkfifo(folder / f"pipe{suffix}")
    (folder / f"pipe link{suffix}").symlink_to(f"pipe{suffix}")
    os.mknod(folder / f"socket{suffix}", stat.S_IFSOCK | 0o600)
    (folder / f"folder{suffix}").mkdir()


def _tables() -> Iterator[tuple[str, Make]]:
    def paths(rng: random.Random, folder: Path) -> None:
        outside = folder.parent / "secret.wav"
        outside.write_bytes(wav_bytes(tone("low")))
        named = [
            str(outside),
            "../secret.wav",
            "/dev/zero",
            "http://127.0.0.1:9/a.wav",
            "",
            "/",
            "\0",
            "zip://a.wav::data.zip",
            "x" * 5000,
            "~/a.wav",
        ]
        write_parquet(folder, audio=[{"bytes": None, "path": path} for path in named])

    def names_file(rng: random.Random, folder: Path) -> None:
        features = {"label": {"_type": "ClassLabel", "names_file": "/etc/passwd"}}
        write_parquet(folder, features, label=[0, 1])

    def no_sounds() -> Sequence:
        import pyarrow as pa

        return pa.array([], pa.struct({"bytes": pa.binary(), "path": pa.string()}))

    def numbers() -> Sequence:
        import pyarrow as pa

        return pa.array([2**64 - 1, 1], pa.uint64())

    deep: object = 1
    for _ in range(60):
        deep = [deep]
    yield "rows that name files elsewhere", paths
    yield "class names from a file", names_file
    yield (
        "fifteen thousand row groups",
        lambda _, x: write_parquet(x, None, 1, label=["a"] * 15_000),
    )
    yield "five thousand columns", _table(**{f"column {n}": lambda: [1, 2] for n in range(5000)})
    yield "no rows", lambda _, folder: write_parquet(folder, audio=no_sounds())
    yield "null columns", _table(audio=lambda: [None, None], label=lambda: [None, None])
    yield "null sound", _table(audio=lambda: [None, None])
    yield "lists for labels", _table(label=lambda: [["a"], ["b"]])
    yield "numbers for sound", _table(audio=lambda: [1, 2])
    yield "decoded sound", _table(audio=lambda: [{"array": [0.1], "sampling_rate": 8000}] * 2)
    yield "sixty lists inside one another", _table(label=lambda: [deep, deep])
    yield "labels that are no text", _table(label=lambda: _no_text([b"\xff\xfe", b"a"]))
    yield "transcripts that are no text", _table(transcription=lambda: _no_text([b"\xff", b"a"]))
    yield "numbers too large", lambda _, folder: write_parquet(folder, label=numbers())


def _names() -> Iterator[tuple[str, Make]]:
    odd = [
        b"two\nlines",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"x" * 255,
        b"*?[a]",
        b"-rf",
        b"\x01\x7f",
        "\u202eleft".encode(),
        b"~",
        b"a.parquet",
        b"README.md",
        b"http:",
    ]

    def labels(rng: random.Random, folder: Path) -> None:
        for name in rng.sample(odd, 8):
            label = folder / os.fsdecode(name)
            label.mkdir()
            (label / "clip.wav").write_bytes(wav_bytes(tone("low")))

    def files(rng: random.Random, folder: Path) -> None:
        tone_folder(folder, 1)
        for name in odd[:9]:
            path = folder / "low" / os.fsdecode(name[:251] + b".wav")
            path.write_bytes(wav_bytes(tone("low")))

    def deep(rng: random.Random, folder: Path) -> None:
        tone_folder(folder, 1)
        for _ in range(200):
            folder = folder / "a"
            folder.mkdir()

    yield "labels with odd names", labels
    yield "sound files with odd names", files
    yield "two hundred folders inside one another", deep


def _readmes() -> Iterator[tuple[str, Make]]:
    for files in (
        "http://127.0.0.1:9/a.parquet",
        "hf://datasets/a/b/c.parquet",
        "/etc/*",
        "../*",
        "data/../../*",
        "file:///etc/passwd",
        "'zip://*::a.zip'",
        "'~/*'",
        "1",
        "[{}]",
        "'**/**/**/**/**/**/**/a'",
        f"'{'*a' * 400}'",
        f"'{'[' * 50}'",
        "[[[]]]",
        "{train: /etc/*}",
        "[{split: train, path: ..}]",
    ):
        header = f"configs:\n- config_name: default\n  data_files: {files}\n"
        yield f"a README that names {files[:40]}", _with_readme(header)
    yield "a README of a billion laughs", _with_readme(_laughs("[x, x]", "[{}]"))
    yield "a README of merged laughs", _with_readme(_laughs("{x: 1}", "{{<<: [{}]}}"))
    yield "a README of nested lists", _with_readme("configs: " + "[" * 100_000 + "\n")
    yield "a README of nested mappings", _with_readme("{a: " * 100_000 + "\n")
    yield "a README of ten megabytes", _with_readme("x: y\n" * (2 * MEGABYTE))
    yield "a README with Python objects", _with_readme("a: !!python/object/apply:os.getcwd []\n")
    yield "a README that is no YAML", _with_readme("\x00\xff: [}\n\t\n")


def _laughs(first: str, form: str) -> str:
    lines = [f"a0: &a0 {first}"]
    for number in range(1, 30):
        ten = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} {form.format(ten)}")
    return "\n".join(lines) + "\n"


def _with_readme(header: str) -> Make:
    def make(rng: random.Random, folder: Path) -> None:
        write_parquet(folder)
        (folder / "README.md").write_text(f"---\n{header}---\n", encoding="utf-8")

    return make


def _mutated(number: int, rng: random.Random, folder: Path) -> None:
    """A good Parquet file with some bytes changed, cut out or put in, half of them at its end."""
    path = write_parquet(folder)
    rng.seed(f"{rng.random()} {number}")
    content = bytearray(path.read_bytes())
    first = max(0, len(content) - 1500) if number % 2 else 0
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(first, len(content))
        change = rng.randrange(4)
        if change == 0:
            content[at] ^= 1 << rng.randrange(8)
        elif change == 1:
            content[at : at + 4] = rng.randbytes(4)
        elif change == 2:
            del content[at : at + rng.randint(1, 16)]
        else:
            content[at:at] = rng.randbytes(rng.randint(1, 16))
    path.write_bytes(content[: rng.randrange(len(content))] if number % 10 == 0 else content)


def _table(**columns: Callable[[], Sequence]) -> Make:
    """A Parquet file with these columns, made only when they are asked for."""
    return lambda _, folder: write_parquet(folder, **{name: of() for name, of in columns.items()})


def write_parquet(
    folder: Path,
    features: dict | None = None,
    row_group_size: int | None = None,
    **columns: Sequence,
) -> Path:
    """Write a good Parquet file in which the columns given take the place of good ones."""
    import pyarrow as pa
    import pyarrow.parquet

    rows = len(next(iter(columns.values()))) if columns else 2
    sound = wav_bytes(tone("low", seconds=0.2))
    good = {
        "audio": lambda: [{"bytes": sound, "path": f"{row}.wav"} for row in range(rows)],
        "label": lambda: ["ab"[row % 2] for row in range(rows)],
        "transcription": lambda: [f"clip {row}" for row in range(rows)],
    }
    table = pa.table({**{n: of() for n, of in good.items() if n not in columns}, **columns})
    if features:
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    path = folder / "data.parquet"
    pyarrow.parquet.write_table(
        table, path, row_group_size, compression="zstd", write_statistics=False
    )
    return path


def _repeated(value: str, rows: int):  # noqa: ANN202 - an Arrow array, its value stored once
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [value])


def _no_text(values: list[bytes]):  # noqa: ANN202 - an Arrow array of texts that are none
    import pyarrow as pa

    array = pa.array(values)
    return pa.Array.from_buffers(pa.string(), len(array), array.buffers())
