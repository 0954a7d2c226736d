"""What a challenge adds: payloads of one record, and the likelihood of what happened."""

import math


def build_payload(raw_input):
    ((bird, ((time, price),)),) = raw_input.items()
    return {"falcon_id": bird, "time": time, "dove_location": price}


def likelihood(density, x):
    total = 0.0
    for component in density["components"]:
        loc, scale = (component["density"]["params"][name] for name in ("loc", "scale"))
        peak = component["weight"] / (scale * math.sqrt(2 * math.pi))
        total += peak * math.exp(-(((x - loc) / scale) ** 2) / 2)
    return total


def score(prediction, ground_truth):
    value = math.log(1e-10 + likelihood(prediction, ground_truth["resolved_price"]))
    return {"value": value, "success": True, "failed_reason": None}
