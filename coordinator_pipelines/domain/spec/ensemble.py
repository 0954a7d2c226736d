"""The ``ensembles`` section of a spec: virtual models that combine the answers of the others.

Add a field here when an ensemble must depend on something new; avoid computing weights
(``domain.ensemble``) and rules that need another section (``rules.ensembles``).
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from coordinator_pipelines.domain.doors.ensemble import ensemble_id
from coordinator_pipelines.domain.spec.model import (
    Count,
    Number,
    Shape,
    SpecModel,
    problem,
)
from coordinator_pipelines.domain.spec.sections import Hours, SumStatistic

WeightStrategy = Literal["equal_weight", "inverse_variance", "log_score", "author"]
EnsembleName = Annotated[
    str,
    AfterValidator(Shape(r"[a-z0-9]+(?:_[a-z0-9]+)*", "lowercase letters, digits and '_'", 40)),
]


class EnsembleSpec(SpecModel):
    """One ensemble: whom it takes, and how much it trusts each of them."""

    name: EnsembleName
    strategy: WeightStrategy = "equal_weight"
    top_n: Count | None = None
    """How many models it takes, the best by ``filter_by``; None: all."""
    threshold: Number | None = None
    """The worst ``filter_by`` that it takes; None: any."""
    filter_by: SumStatistic | None = None
    """What both filters look at; None: the mean score."""
    window_hours: Hours | None = None
    """The past that weights and filters look at; None: the longest trailing window."""
    minimum_samples: Count | None = None
    """Own scores in that past, below which a model has no weight; None: as to be ranked."""

    @property
    def model_id(self) -> str:
        """Id of the virtual model."""
        return ensemble_id(self.name)

    @property
    def is_filtered(self) -> bool:
        """Whether it takes only some of the models."""
        return self.top_n is not None or self.threshold is not None

    @property
    def looks_back(self) -> bool:
        """Whether weights depend on the past."""
        return self.is_filtered or self.strategy != "equal_weight"

    @model_validator(mode="after")
    def _nothing_is_said_in_vain(self) -> Self:
        if self.filter_by is not None and not self.is_filtered:
            unused = "means nothing without top_n or threshold"
            raise problem("filter_by", self.filter_by, unused)
        for field in ("window_hours", "minimum_samples"):
            value = getattr(self, field)
            if value is not None and not self.looks_back:
                raise problem(
                    field, value,
                    "means nothing: equal weights of all models do not look at the past",
                )  # fmt: skip
        return self
