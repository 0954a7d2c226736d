"""The spec as a JSON schema, for editors and for ``dg check yaml``: what no valid spec breaks.

Add a section to ``COMPLETED`` when the spec fills it in before checking it; avoid rules: a spec
that keeps to the schema can still be refused, and only ``checked_challenge`` says so. The other
way round holds: what ``checked_challenge`` accepts keeps to the schema (but for an unknown field
that is null, which it overlooks).
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from coordinator_pipelines.domain.spec.challenge import Challenge

JsonSchema = dict[str, Any]

ALWAYS_GIVEN = ("spec_version", "name", "start", "truth")
"""Fields that neither a preset nor a profile fills in."""
COMPLETED = (
    "RankingSpec", "Schedule", "OperatorSchedule", "Scope", "ScheduledPredictionConfig",
)  # fmt: skip
"""Sections that may be given in part, or in the original's spelling."""


def spec_schema() -> JsonSchema:
    """The schema of a spec before it is filled in. A field that is null counts as not given."""
    schema = Challenge.model_json_schema(schema_generator=_OneReason)
    for section in COMPLETED:
        schema["$defs"][section] = _types_only(schema["$defs"][section])
    fields = {**schema["properties"], "spec_version": {"enum": ["1", 1]}}
    schema["properties"] = {name: _or_null(field) for name, field in fields.items()}
    return {**schema, "required": list(ALWAYS_GIVEN)}


class _OneReason(GenerateJsonSchema):
    """Writes choices so that a validator follows the one that was made, and says what is wrong.

    Of ``anyOf`` and ``oneOf``, it says no more than that none of them fits.
    """

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchema:
        """A value or null."""
        return _or_null(self.generate_inner(schema["schema"]))

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchema:
        """A section whose kind one of its fields tells."""
        field = schema["discriminator"]
        kinds = {str(kind): self.generate_inner(each) for kind, each in schema["choices"].items()}
        if not isinstance(field, str):
            return _usual_or_kind(kinds)
        branches = [
            {"if": {"required": [field], "properties": {field: {"const": kind}}}, "then": section}
            for kind, section in kinds.items()
        ]
        kind_is_known = {"required": [field], "properties": {field: {"enum": [*kinds]}}}
        return {"type": "object", **kind_is_known, "allOf": branches}


def _usual_or_kind(kinds: dict[str, JsonSchema]) -> JsonSchema:
    """The first kind, which does not tell its kind, or another one, which does."""
    usual, *others = kinds
    schema = kinds[usual]
    for kind in others:
        told = {"required": ["kind"], "properties": {"kind": {"const": kind}}}
        schema = {"if": told, "then": kinds[kind], "else": schema}
    return schema


def _or_null(schema: JsonSchema) -> JsonSchema:
    return {"if": {"type": "null"}, "else": schema}


def _types_only(section: JsonSchema) -> JsonSchema:
    fields = {
        name: {"type": [field["type"], "null"]} if "type" in field else field
        for name, field in section["properties"].items()
    }
    return {"type": "object", "properties": fields}
