class ModelBaseClass:
    def __init__(self):
        self.candles = {}

    def feed_update(self, data):
        self.candles.setdefault(data["symbol"], []).extend(data["candles_1m"])

    def predict(self, subject, resolve_horizon_seconds, step_seconds):
        raise NotImplementedError
