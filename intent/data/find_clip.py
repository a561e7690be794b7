"""The sound of a clip that a report speaks of, read from its data set when it is asked for."""

from intent.audio.clip import Clip, clip_hash
from intent.data.dataset import clip_at, load_data
from intent.errors import AudioError, DataError
from intent.recipes import Recipe


def find_clip(recipe: Recipe, name: str, sound_hash: str) -> Clip:
    """Return the clip of that name, and of that hash unless it is "", in a recipe's data set.

    Raises DataError, in a sentence, where the data set or the clip is not there any more.
    """
    try:
        parts = load_data(recipe.data, recipe.locales)
    except DataError as error:
        raise DataError(f"The recordings of this run cannot be opened any more. {error}") from None
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
        f'The recording "{name}" is not in the data set any more, or has been changed since: put '
        "the data back as it was to hear it."
    )
