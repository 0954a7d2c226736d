from cruncher import ModelBaseClass


class Momentum(ModelBaseClass):
    def predict(self, subject, resolve_horizon_seconds, step_seconds):
        newest = self.candles[subject][-5:]
        body = sum((bar["close"] - bar["open"]) / (bar["high"] - bar["low"] + 1) for bar in newest)
        return {"value": body * step_seconds / resolve_horizon_seconds}
