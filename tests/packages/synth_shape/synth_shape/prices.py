from collections.abc import Iterable, Mapping

PriceData = Mapping[str, Iterable[tuple[int, float]]]


class PriceStore:
    def __init__(self):
        self._prices: dict[str, dict[int, float]] = {}

    def add_bulk(self, data: PriceData):
        for asset, entries in data.items():
            known = {**self._prices.get(asset, {}), **dict(entries)}
            self._prices[asset] = dict(sorted(known.items()))

    def get_prices(self, asset: str) -> list[tuple[int, float]]:
        return list(self._prices.get(asset, {}).items())
