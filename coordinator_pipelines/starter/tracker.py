"""The model interface of the BTC up/down challenge: what a participant's class inherits from.

Add here what every model of this challenge may rely on; avoid anything a single model needs.
Standard library only: this is the part of the challenge that participants install.
"""

from typing import Any

KEPT_PRICES = 1440
"""Prices kept per asset: a day of minutes."""


class TrackerBase:
    """Base class of all models.

    A model is created without arguments. It is given all new prices by :meth:`tick`, the
    warm-up history first, and asked by :meth:`predict` at the start of every round. A model
    that overrides :meth:`tick` or ``__init__`` calls the inherited method first.
    """

    def __init__(self) -> None:
        self._points: dict[str, dict[int, float]] = {}

    def tick(self, data: dict[str, list[tuple[int, float]]]) -> None:
        """Take note of new prices.

        Args:
            data: for each asset, such as ``"BTC"``, the ``[unix seconds, price]`` pairs that are
                new since the previous tick, oldest first. The first tick is the warm-up history.
                A second known already comes again when its price has been corrected.
        """
        for asset, points in data.items():
            known = {**self._points.get(asset, {}), **dict(points)}
            self._points[asset] = dict(sorted(known.items())[-KEPT_PRICES:])

    def predict(self, asset: str, horizon: int, step: int) -> Any:
        """Say where the price goes from now to ``horizon`` seconds from now.

        Args:
            asset: what is asked about, such as ``"BTC"``.
            horizon: seconds from now to the instant that is predicted.
            step: seconds between predicted instants; equal to ``horizon`` when there is one.

        Returns:
            One of

            * ``{"p_up": p}``: the probability, 0 to 1, that the price is higher then;
            * a list with one density of the price *change* per step, such as
              ``[{"type": "mixture", "components": [{"density": {"type": "builtin", "name":
              "norm", "params": {"loc": 0.0, "scale": 12.3}}, "weight": 1.0}]}]``;
            * None: no prediction this time.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it predicts")

    def prices(self, asset: str) -> list[float]:
        """The prices known so far, oldest first; at most the newest ``KEPT_PRICES``."""
        return list(self._points.get(asset, {}).values())

    def now(self, asset: str) -> int:
        """Unix seconds of the newest price; 0 before the first. Models have no other clock."""
        return next(reversed(self._points.get(asset, {})), 0)
