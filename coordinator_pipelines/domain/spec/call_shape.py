"""How models are called: the section ``model_interface``, and whether a method fits it.

Add here what a call of a model may be given; avoid calling, and rules that need another section
(``rules`` holds those).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from coordinator_pipelines.domain.spec.model import Shape, SpecModel, problem

Identifier = Annotated[
    str, AfterValidator(Shape(r"[A-Za-z]\w*", "a Python name that starts with a letter", 80))
]
_Fact = Literal["model_id", "model_name", "owner"]
NO_SCORES = (
    "a model's own scores are told to no model: they are known when truths are, and a replay "
    "could not tell the same"
)


def _fact(value: Any) -> Any:
    if value not in get_args(_Fact):
        raise problem("", value, f"must be {', '.join(get_args(_Fact))}; {NO_SCORES}")
    return value


def _constant(value: JsonValue) -> JsonValue:
    if value is None:
        wanted = "must not be null, which the models' protocol cannot say; leave it out"
        raise problem("", None, wanted)
    return value


ModelFact = Annotated[_Fact, BeforeValidator(_fact)]
Constant = Annotated[JsonValue, AfterValidator(_constant)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a method after ``self``, as ``inspect`` tells it."""

    name: str
    kind: str
    required: bool


class CallShape(SpecModel):
    """How models are called: names of their methods, and what these are given."""

    tick_method: Identifier | None = "tick"
    """Method that takes new data; None: the challenge's models have none."""
    tick_argument: Identifier | None = None
    """Keyword of the data; None: by position."""
    tick_per: Literal["question", "record"] = "question"
    """Whether ``tick`` is called once before a question, with all that is new (at first the whole
    warm-up), or once for each record, oldest first."""
    tick_facts: dict[Identifier, ModelFact] = Field(default_factory=dict)
    """Further keyword arguments of ``tick`` that differ from model to model."""
    tick_constants: dict[Identifier, Constant] = Field(default_factory=dict)
    """Further keyword arguments of ``tick`` that are always the same."""
    predict_method: Identifier = "predict"
    predict_arguments: dict[Identifier, Identifier] = Field(
        default_factory=lambda: {"asset": "asset", "horizon": "horizon", "step": "step"}
    )
    """Parameter: field of the scope, or ``input`` for what ``tick`` would be given."""
    predict_by: Literal["position", "keyword"] = "position"
    predict_facts: dict[Identifier, ModelFact] = Field(default_factory=dict)
    """Further keyword arguments of ``predict`` that differ from model to model."""
    predict_constants: dict[Identifier, Constant] = Field(default_factory=dict)
    """Further keyword arguments of ``predict`` that are always the same."""

    def arguments(self, scope: dict[str, Any], inference_input: Any) -> dict[str, Any]:
        """``{args, kwargs}`` of one ``predict``.

        Raises:
            ValueError: the scope has no field of that name.
        """
        given = {**scope, "input": inference_input}
        for parameter, source in self.predict_arguments.items():
            if source not in given:
                raise ValueError(
                    f"model_interface.predict_arguments.{parameter}: the scope has no {source!r}"
                )
        values = {name: given[source] for name, source in self.predict_arguments.items()}
        if self.predict_by == "keyword":
            return {"args": [], "kwargs": values}
        return {"args": list(values.values()), "kwargs": {}}

    @property
    def tick_parameters(self) -> list[str]:
        """The parameters of ``tick``, the data first; by position these are called ``data``."""
        return [self.tick_argument or "data", *self.tick_facts, *self.tick_constants]

    @property
    def predict_parameters(self) -> list[str]:
        """The parameters of ``predict``, in the order in which they are given."""
        return [*self.predict_arguments, *self.predict_facts, *self.predict_constants]

    def tick_keywords(self, facts: Mapping[str, str]) -> dict[str, Any]:
        """What ``tick`` is given beside the data, of a model with these facts."""
        return {name: facts[fact] for name, fact in self.tick_facts.items()} | self.tick_constants

    def predict_keywords(self, facts: Mapping[str, str]) -> dict[str, Any]:
        """What ``predict`` is given beside its arguments, of a model with these facts."""
        own = {name: facts[fact] for name, fact in self.predict_facts.items()}
        return own | self.predict_constants

    @model_validator(mode="after")
    def _how_to_tick_needs_a_tick(self) -> Self:
        default = CallShape.model_fields
        for name in ("tick_argument", "tick_per", "tick_facts", "tick_constants"):
            given = getattr(self, name)
            if self.tick_method is None and given != default[name].get_default(
                call_default_factory=True
            ):
                raise problem(name, given, "contradicts tick_method: null")
        return self

    @model_validator(mode="after")
    def _a_parameter_is_given_once(self) -> Self:
        data = [] if self.tick_argument is None else [self.tick_argument]
        for field, facts, others in (
            ("tick_constants", self.tick_facts, data),
            ("predict_constants", self.predict_facts, self.predict_arguments),
        ):
            for name in getattr(self, field):
                if name in facts or name in others:
                    raise problem(f"{field}.{name}", None, "is given otherwise already")
        return self


def missing_arguments(
    parameters: Sequence[Parameter], by_position: int, by_name: Collection[str]
) -> Iterator[str]:
    """Why a method cannot be called with so many arguments by position and those by name.

    A method is given only what it names, so names that it does not know do no harm.
    """
    kinds = {"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"}
    places = [each for each in parameters if each.kind in kinds]
    if by_position > len(places) and all(each.kind != "VAR_POSITIONAL" for each in parameters):
        yield f"takes {len(places)} arguments by position and is given {by_position}"
    filled = {each.name for each in places[:by_position]}
    for each in parameters:
        named = each.name in by_name and each.kind != "POSITIONAL_ONLY"
        if each.required and each.name not in filled and not named:
            yield f"needs {each.name!r}, which nothing gives it"
