"""The ``seasons`` section of a spec: stretches of a challenge whose boards are closed together.

Add a field here when a season must say more; avoid what becomes of one (``domain.season``) and
rules that need another section (``rules.seasons``).
"""

from coordinator_pipelines.domain.spec.model import Instant, Name, SpecModel


class SeasonSpec(SpecModel):
    """One season: the boards as of (starts_at, ends_at], and the payouts on them."""

    name: Name
    starts_at: Instant
    ends_at: Instant | None = None
    """None: until the next one starts, or the challenge ends."""
