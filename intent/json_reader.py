"""Read JSON into frozen dataclasses, and check every value against the type of its field."""

import functools
import math
import reprlib
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

if TYPE_CHECKING:  # imported where JSON is read: it takes a tenth of a second
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema, ErrorDetails

Kind = TypeVar("Kind")

# The first word of a pydantic error type → what was expected.
EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a string",
    "tuple": "a list",
    "dict": "an object of names and values",
    "dataclass": "an object of names and values",
}


class JsonError(ValueError):
    """The JSON is malformed or a value has the wrong type."""


def read_json(
    kind: type[Kind], text: str | bytes, extra: Literal["forbid", "ignore"] = "forbid"
) -> Kind:
    """Return JSON as a value of a type; raises JsonError with the first problem.

    Fields with a default may be missing. Values are not converted, except whole numbers to floats and
    lists to tuples. `extra`: whether unknown fields are an error.
    """
    from pydantic import ValidationError

    try:
        # mypy does not accept type[Kind] as hashable
        value: Kind = _adapter(kind).validate_json(text, strict=True, extra=extra)  # type: ignore[arg-type]
    except ValidationError as error:
        raise JsonError(_problem(error.errors(include_url=False)[0])) from None
    return value


class NullIsNan:
    """Read null as NaN: JSON has no NaN and no infinity, which are written as null."""

    def __get_pydantic_core_schema__(
        self, source: type[float], handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda value: math.nan if value is None else value, handler(source)
        )


Number = Annotated[float, NullIsNan()]


@functools.cache
def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _problem(error: "ErrorDetails") -> str:
    place = ".".join(map(str, error["loc"])) or "the JSON"
    found: Any = error["input"]
    if error["type"] == "json_invalid":
        return f"JSON was expected, but found something else: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["type"] == "unexpected_keyword_argument":
        return f"{place} is unknown"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]).rstrip(".")
    expected = EXPECTED.get(error["type"].split("_")[0])
    if expected is None:
        return f"{place}: {error['msg']}"
    return f"{place} must be {expected}, but is {reprlib.repr(found)}"
