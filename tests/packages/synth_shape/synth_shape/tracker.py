"""The shape of a package whose trackers answer densities over several steps of a horizon."""

import abc
import threading

from synth_shape.prices import PriceData, PriceStore


class SubTracker(abc.ABC):
    def __init__(self):
        self.prices = PriceStore()

    def tick(self, data: PriceData):
        self.prices.add_bulk(data)

    @abc.abstractmethod
    def predict(self, asset: str, horizon: int, step: int) -> list: ...


class TrackerBase(abc.ABC):  # noqa: B024
    def __init__(self, async_mode: bool = True):
        self.prices = PriceStore()
        self.async_mode = async_mode
        self._ticked = threading.Event()
        self._routes: list[tuple[int, str, SubTracker]] = []

    def track(self, horizon: int, asset: str, tracker: SubTracker):
        self._routes.append((horizon, asset, tracker))

    def schedule(self, function):
        def loop():
            while True:
                self._ticked.wait()
                self._ticked.clear()
                function()

        threading.Thread(target=loop, daemon=True).start()

    def tick(self, data: PriceData):
        self.prices.add_bulk(data)
        for tracker in {tracker for _, _, tracker in self._routes}:
            tracker.tick(data)
        self._ticked.set()

    def predict(self, asset: str, horizon: int, step: int):
        for wanted, pattern, tracker in self._routes:
            if wanted == horizon and pattern in (asset, "*"):
                return tracker.predict(asset, horizon, step)
        raise NotImplementedError(f"nothing is registered for {asset} over {horizon} s")

    def predict_all(self, asset: str, horizon: int, steps: list[int]) -> dict[int, list[dict]]:
        return {step: self.predict(asset, horizon, step) for step in steps if step <= horizon}
