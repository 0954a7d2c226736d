"""Places in a spec's lists, as its author would name them."""

from collections.abc import Iterable


def config_field(position: int) -> str:
    """How the prediction config at a position is called."""
    return f"scheduled_prediction_configs[{position}]"


def repeated(values: list[str] | list[int]) -> Iterable[int]:
    """Positions of the values that occurred before."""
    return [i for i, value in enumerate(values) if value in values[:i]]
