"""Leave out Parquet files that have no recordings, such as statistics beside the data."""

from dataclasses import replace
from typing import TYPE_CHECKING

from intent.audio.suffixes import is_audio
from intent.data.files import LeftOut, Listing, open_file, shown
from intent.data.parquet_schema import has_sound, open_parquet

if TYPE_CHECKING:
    import pyarrow

MAX_CHECKED = 10_000  # footers; a data set with more Parquet files is refused


def without_stray_tables(listing: Listing) -> tuple[Listing, list[LeftOut]]:
    """Return the listing without Parquet files that have no sounds, and a sentence for each of them.

    They are kept if nothing else could be the data set, so that the error names them. Damaged files
    are kept too: they may be the data.
    """
    tables = [name for name in listing.files if name.endswith(".parquet")]
    if not tables or len(tables) > MAX_CHECKED:
        return listing, []
    strays = {name for name in tables if not _may_have_sound(listing, name)}
    in_folders = any("/" in name and is_audio(name) for name in listing.files)
    if len(strays) == len(tables) and not in_folders:
        return listing, []
    notes = [
        (shown(name), f'The Parquet file "{shown(name)}" was not used: it has no recordings.')
        for name in sorted(strays)
    ]
    files = {name: target for name, target in listing.files.items() if name not in strays}
    return replace(listing, files=files), notes


def _may_have_sound(listing: Listing, name: str) -> bool:
    try:
        with open_file(listing.real_path(name)) as file:
            schema: pyarrow.Schema = open_parquet(file, name).schema_arrow
    except Exception:  # noqa: BLE001 - the problem is reported when the data is read
        return True
    return has_sound(schema)
