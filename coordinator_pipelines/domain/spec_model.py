"""The base of every section of a spec, and the strict value types that fields are made of.

Add a value type here when two sections need it; avoid sections themselves. Strict types take
what is written and nothing else: ``"60"``, ``true`` and ``60.5`` are no whole numbers.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

PositiveInt = Annotated[int, Field(strict=True, gt=0, le=10**10)]
NonNegativeInt = Annotated[int, Field(strict=True, ge=0, le=10**10)]
WholeNumber = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NonNegativeNumber = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class SpecModel(BaseModel):
    """A section of a spec: frozen, unknown fields forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def problem(field: str, value: Any, message: str) -> PydanticCustomError:
    """A cross-field error that names the field and the value it is about."""
    return PydanticCustomError("spec", message.replace("{", "{{"), {"field": field, "value": value})
