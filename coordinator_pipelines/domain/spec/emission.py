"""The ``emission`` section of a spec: how the reward of a checkpoint period is shared.

Add a field here when a payout must depend on something new; avoid computing shares
(``domain.checkpoint``) and rules that need another section (``rules.emission``).
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from coordinator_pipelines.domain.spec.ensemble import EnsembleName
from coordinator_pipelines.domain.spec.model import (
    Count,
    Fraction,
    Name,
    Number,
    PositiveNumber,
    Shape,
    SpecModel,
    problem,
)
from coordinator_pipelines.domain.spec.sections import MetricName

Strategy = Literal["tiers", "winner_takes_all", "top_n", "skill", "contribution", "author"]
Rest = Literal["equally", "proportionally", "treasury"]
Account = Annotated[
    str,
    AfterValidator(
        Shape(r"[A-Za-z0-9][\w.:@-]*", "an account such as alice or a wallet's address", 100)
    ),
]
Providers = Annotated[dict[Account, PositiveNumber], Field(max_length=100)]
Share = Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]

NEEDS: Mapping[str, tuple[str, ...]] = {
    "tiers": ("tiers",),
    "winner_takes_all": (),
    "top_n": ("top_n",),
    "skill": ("baseline_model", "baseline_score"),
    "contribution": ("contribution",),
    "author": (),
}
"""Strategy -> the fields that only it has a use for."""
REST: Mapping[str, Rest] = {"tiers": "equally", "top_n": "equally"}
"""What becomes of a rest where the spec does not say so; of other strategies: proportionally."""


class Tier(SpecModel):
    """So many places, one after another, and the share of each."""

    places: Annotated[int, Field(strict=True, gt=0, le=1000)]
    share: Share


class ContributionSpec(SpecModel):
    """Weights of the strategy ``contribution``: each part is scaled to 0 .. 1 among the payees."""

    rank: Fraction = 0.5
    """Weight of 1 / place."""
    contribution: Fraction = 0.3
    """Weight of what a model contributes."""
    ensemble: EnsembleName | None = None
    """To which ensemble; None: the metric ``contribution`` says it."""
    diversity: Fraction = 0.2
    """Weight of 1 - the metric ``model_correlation``."""
    minimum_share: Fraction = 0.01
    """What every payee gets at least, before all are scaled to 100 %."""

    @model_validator(mode="after")
    def _something_weighs(self) -> Self:
        if self.rank + self.contribution + self.diversity <= 0:
            raise problem("", None, "one of rank, contribution and diversity must be above 0")
        return self


DEFAULT_TIERS = (
    Tier(places=1, share=0.35),
    Tier(places=4, share=0.1),
    Tier(places=5, share=0.05),
)


class EmissionSpec(SpecModel):
    """Who is paid at a checkpoint, and how much of the whole."""

    strategy: Strategy = "tiers"
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=1000)] | None = None
    """Of ``tiers``: the shares of places, best first; None: 35 %, 4 x 10 %, 5 x 5 %."""
    top_n: Count | None = None
    """Of ``top_n``: how many places get the same."""
    baseline_model: Name | None = None
    """Of ``skill``: the model whose score everybody's is compared with."""
    baseline_score: Number | None = None
    """Of ``skill``: a score instead of a model."""
    contribution: ContributionSpec | None = None
    """Of ``contribution``: the weights; None: those of :class:`ContributionSpec`."""
    basis: Literal["board", "mean_of_boards"] = "board"
    """The board of record of the period's end, or the mean over the period's boards."""
    minimum_presence: Share | None = None
    """Of ``mean_of_boards``: on what share of the boards a model must be ranked; None: half."""
    ties: Literal["exact", "tier"] = "exact"
    """Who shares places: models that are equal in all that ranks, or all of a board's tier."""
    metric: MetricName | None = None
    """What decides instead of the ranking key."""
    minimum_score: Number | None = None
    """The worst score that is paid."""
    minimum_samples: Count | None = None
    """Own scores in the window of what decides, below which a model is not paid."""
    owner_cap: Share = 1.0
    """The most that one owner's account gets, whatever number of models it has."""
    rest: Rest | None = None
    """What becomes of what nobody earned; None: as :data:`REST` says."""
    treasury: Account | None = None
    """The account that gets what no participant may have."""
    unpaid_models: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    """Models that take part and are never paid, such as the house's baselines."""
    crunch_pubkey: Account | None = None
    """The challenge's own address in emissions; None: its ``crunch_id``."""
    linked_accounts: Annotated[
        tuple[Annotated[tuple[Account, ...], Field(min_length=2, max_length=1000)], ...],
        Field(max_length=1000),
    ] = ()
    """Groups of accounts that are one owner's: together one payee, up to the cap."""
    compute_providers: Providers = Field(default_factory=dict)
    """Account -> weight, of those who ran the models."""
    data_providers: Providers = Field(default_factory=dict)
    """Account -> weight, of those who brought the data."""

    @property
    def rest_rule(self) -> Rest:
        """What becomes of a rest."""
        return self.rest or REST.get(self.strategy, "proportionally")

    @property
    def linked(self) -> dict[str, str]:
        """Account -> the first account of its group, of all that are linked."""
        return {account: group[0] for group in self.linked_accounts for account in group}

    @property
    def paid_tiers(self) -> tuple[Tier, ...]:
        """The shares of places, best first."""
        return self.tiers or DEFAULT_TIERS

    @property
    def presence(self) -> float:
        """On what share of the period's boards a model must be ranked."""
        return self.minimum_presence or 0.5

    @model_validator(mode="after")
    def _fields_belong_to_the_strategy(self) -> Self:
        for strategy, fields in NEEDS.items():
            for field in fields if strategy != self.strategy else ():
                if getattr(self, field) is not None:
                    means = f"means something for strategy '{strategy}' only"
                    raise problem(field, getattr(self, field), means)
        if self.basis != "mean_of_boards" and self.minimum_presence is not None:
            only = "means something for basis 'mean_of_boards' only"
            raise problem("minimum_presence", self.minimum_presence, only)
        if self.strategy == "top_n" and self.top_n is None:
            raise problem("top_n", None, "missing; the strategy 'top_n' needs it")
        return self

    @model_validator(mode="after")
    def _skill_has_one_baseline(self) -> Self:
        given = [f for f in NEEDS["skill"] if getattr(self, f) is not None]
        if self.strategy == "skill" and len(given) != 1:
            needed = "the strategy 'skill' needs baseline_model or baseline_score, and not both"
            raise problem("baseline_model", self.baseline_model, needed)
        if self.strategy == "skill" and self.rest == "equally":
            raise problem("rest", self.rest, "contradicts strategy 'skill': it pays who has none")
        return self

    @model_validator(mode="after")
    def _tiers_fall_and_fit(self) -> Self:
        shares = [tier.share for tier in self.tiers or ()]
        for i, (before, share) in enumerate(pairwise(shares), 1):
            if share > before:
                raise problem(f"tiers[{i}].share", share, f"more than the places before ({before})")
        total = sum(tier.places * tier.share for tier in self.tiers or ())
        if total > 1 + 1e-9:
            raise problem("tiers", round(total, 9), "together more than 1, the whole")
        return self

    @model_validator(mode="after")
    def _an_account_is_linked_once(self) -> Self:
        seen: set[str] = set()
        for i, group in enumerate(self.linked_accounts):
            for j, account in enumerate(group):
                if account in seen:
                    twice = "named twice; an account is in one group, once"
                    raise problem(f"linked_accounts[{i}][{j}]", account, twice)
                seen.add(account)
        if self.treasury in seen:
            raise problem("treasury", self.treasury, "is among linked_accounts, a participant's")
        return self

    @model_validator(mode="after")
    def _what_is_left_over_has_a_taker(self) -> Self:
        if self.treasury is None:
            if self.rest == "treasury":
                raise problem("treasury", None, "missing; the rest goes there")
            if self.owner_cap < 1:
                raise problem(
                    "treasury", None,
                    f"missing; an owner_cap of {self.owner_cap:g} may leave something that no "
                    "participant may have",
                )  # fmt: skip
        return self
