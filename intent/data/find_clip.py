"""Find the audio of a clip in a report, in the data set that the run was trained on."""

from intent.audio.clip import Clip, clip_hash
from intent.data.dataset import clip_at, columns_of, load_data
from intent.errors import AudioError, DataError
from intent.recipes import Recipe


def find_clip(recipe: Recipe, name: str, sound_hash: str) -> Clip:
    """Return the clip with this name, and this hash unless it is "", from the data set of a recipe.

    Raises DataError if the data set or the clip is missing.
    """
    try:
        parts = load_data(recipe.data, recipe.locales, columns=columns_of(recipe))
    except DataError as error:
        raise DataError(f"The recordings of this run can no longer be opened. {error}") from None
    unreadable = None
    for dataset in parts.values():
        rows = [row for row, found in enumerate(dataset["name"][:]) if found == name]
        for row in rows:
            try:
                clip = clip_at(dataset, row)
            except AudioError as error:
                unreadable = error
                continue
            if not sound_hash or clip_hash(clip) == sound_hash:
                return clip
    if unreadable:
        raise DataError(str(unreadable))
    raise DataError(
        f'The recording "{name}" was removed from the data set or changed: restore the data '
        "set to play it."
    )
