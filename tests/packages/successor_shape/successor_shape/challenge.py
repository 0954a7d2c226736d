"""What a challenge adds: candles of one symbol at a time, and the return of a position."""


def provide_input(now, context):
    del now
    return next(
        (
            candles(asset, context.records(asset).to_dict("records"))
            for asset in context.frames
            if len(context.records(asset))
        ),
        None,
    )


def candles(asset, records):
    names = ("open", "high", "low", "close", "volume")
    bars = [
        {"ts": int(each["ended_at"].timestamp()), **{name: each[name] for name in names}}
        for each in records
    ]
    return {"symbol": asset, "asof_ts": bars[-1]["ts"] * 1000, "candles_1m": bars}


def score(prediction, ground_truth):
    entry, resolved = ground_truth["entry_price"], ground_truth["resolved_price"]
    side = max(-1.0, min(1.0, prediction["value"]))
    return {"value": side * (resolved - entry) / entry, "success": True, "failed_reason": None}
