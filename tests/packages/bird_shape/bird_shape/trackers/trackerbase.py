"""The shape of a package whose trackers are told an event at a time, and hold answers back."""

import abc


class Quarantine:
    def __init__(self, horizon: int):
        self.horizon = horizon
        self.quarantine = []

    def add_to_quarantine(self, time, value):
        self.quarantine.append((time + self.horizon, value))

    def pop_from_quarantine(self, current_time):
        valid = [(j, x) for j, (t, x) in enumerate(self.quarantine) if t <= current_time]
        if not valid:
            return None
        newest, value = valid[-1]
        self.quarantine = self.quarantine[newest:]
        return value


class TrackerBase(Quarantine):
    def __init__(self, horizon: int):
        super().__init__(horizon)
        self.count = 0

    @abc.abstractmethod
    def tick(self, payload: dict, performance_metrics: dict): ...

    @abc.abstractmethod
    def predict(self) -> dict: ...
