"""The normal CRPS of the whole change, from the moments of the steps' mixtures."""

import math


def moments(densities):
    mean = variance = 0.0
    for density in densities:
        components = density["components"]
        means = [each["weight"] * each["density"]["params"]["loc"] for each in components]
        mean += sum(means)
        variance += sum(
            each["weight"] * each["density"]["params"]["scale"] ** 2 for each in components
        )
    return mean, math.sqrt(variance)


def crps(densities, change):
    mean, deviation = moments(densities)
    z = (change - mean) / deviation
    below = 0.5 * (1 + math.erf(z / math.sqrt(2)))
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return deviation * (z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi))


def score(prediction, ground_truth):
    change = ground_truth["resolved_price"] - ground_truth["entry_price"]
    answers = [prediction["result"]] if "result" in prediction else prediction.values()
    values = [crps(densities, change) for densities in answers]
    return {"value": -sum(values) / len(values), "success": True, "failed_reason": None}
