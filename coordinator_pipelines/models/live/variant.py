"""Values as they travel to and from models: typed bytes, decoded without trust.

Add here what concerns one value on the wire; avoid calls, deadlines and verdicts. What comes in
is bounded before it is parsed, and comes out as JSON text whose content nobody has judged yet.
"""

import json
import struct
from typing import Any

from model_runner_client.grpc.generated.commons_pb2 import (
    Argument,
    KwArgument,
    Variant,
    VariantType,
)
from model_runner_client.utils.datatype_transformer import encode_data

from coordinator_pipelines.domain.values.json_value import MAX_DEPTH

INT_BYTES = 8


class UnreadableError(Exception):
    """A model's answer cannot be read; the text says why, in our words."""


def encode(value: Any) -> Variant:
    """A JSON value as an argument.

    The protocol has no type for booleans and models refuse its type for None, so both travel
    as JSON, as nested values and whole numbers beyond 64 bits do.
    """
    kind = _kind(value)
    return Variant(type=kind, value=encode_data(kind, value))


def _kind(value: Any) -> VariantType:
    if isinstance(value, float):
        return VariantType.DOUBLE
    if type(value) is int and -(2**63) <= value < 2**63:
        return VariantType.INT
    return VariantType.STRING if isinstance(value, str) else VariantType.JSON


def positional(values: list[Any]) -> list[Argument]:
    """Arguments by position."""
    return [Argument(position=i, data=encode(value)) for i, value in enumerate(values, 1)]


def keywords(values: dict[str, Any]) -> list[KwArgument]:
    """Arguments by keyword."""
    return [KwArgument(keyword=name, data=encode(value)) for name, value in values.items()]


def decode(variant: Variant, most: int) -> str | None:
    """JSON text of an answer (it may hold NaN), or None if the model answered None.

    Raises:
        UnreadableError: it has more than ``most`` bytes, is of a type that is not accepted, or
            is not what its type says.
    """
    data, kind = variant.value, variant.type
    if kind == VariantType.NONE:
        return None
    if len(data) > most:
        raise UnreadableError(f"the answer has {len(data)} bytes; at most {most} are allowed")
    try:
        text = _text(kind, data)
    except UnicodeDecodeError:
        raise UnreadableError("the answer is not UTF-8") from None
    if len(text) > most:
        raise UnreadableError(f"the answer has {len(text)} bytes of JSON; at most {most} allowed")
    return None if text == "null" else text


def _text(kind: int, data: bytes) -> str:
    if kind == VariantType.DOUBLE and len(data) == struct.calcsize("d"):
        return json.dumps(struct.unpack("d", data)[0])
    if kind == VariantType.INT and len(data) <= INT_BYTES:
        return json.dumps(int.from_bytes(data, "little", signed=True))
    if kind == VariantType.STRING:
        return json.dumps(data.decode())
    if kind == VariantType.JSON:
        return _json_text(data.decode())
    if kind in (VariantType.DOUBLE, VariantType.INT):
        raise UnreadableError(f"the answer is a number of {len(data)} bytes")
    raise UnreadableError("the answer is of a type that is not accepted; answer with JSON values")


def _json_text(text: str) -> str:
    try:
        value = json.loads(text)
    except RecursionError:
        raise UnreadableError("the answer is nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"the answer is not JSON: {str(error)[:200]}") from None
    if _deeper(value, MAX_DEPTH):
        raise UnreadableError(f"the answer is nested more than {MAX_DEPTH} levels deep")
    return text.strip()


def _deeper(value: Any, most: int) -> bool:
    """Whether a value has more than ``most`` levels of lists and objects."""
    level = [value]
    for _ in range(most + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [
            child
            for item in containers
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return True
