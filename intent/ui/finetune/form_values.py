"""The values of the Fine-tune form, from the components to a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from gradio.components import Component

from intent.jobs.request import TrainingRequest
from intent.ui.finetune.data_choice import DataChoice
from intent.ui.finetune.recipe_form import RecipeForm, values_of
from intent.ui.shared.requests import FOLDER, request_of


@dataclass(frozen=True)
class FormValues:
    """The values of the components that `form_inputs` lists, in the same order."""

    source: str
    locales: list[str]
    folder: str
    reject_label: str | None  # read only of a folder
    base: str | None
    preset: str
    filled: tuple[str | None, str]
    fields: tuple[object, ...]

    @classmethod
    def of(cls, values: Sequence[Any]) -> Self:
        """Group the values that Gradio passes to a handler."""
        source, locales, folder, reject_label, base, preset, filled, *fields = values
        return cls(source, locales, folder, reject_label, base, preset, filled, tuple(fields))

    def request(self) -> TrainingRequest:
        """Build the request for these values; raises DataError for an empty path."""
        changes = values_of(self.base, self.preset, self.filled, self.fields)
        if self.source == FOLDER:
            changes["reject_label"] = (self.reject_label or "").strip()
        return request_of(self.source, self.locales, self.folder, self.base, self.preset, changes)


def form_inputs(data: DataChoice, form: RecipeForm) -> list[Component]:
    """Return the components whose values make a request."""
    about_recipe = [form.base, form.preset, form.filled, *form.fields]
    return [*data.inputs(), data.reject_label, *about_recipe]
