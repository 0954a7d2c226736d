"""How often an outcome came true, by how probable it was said to be.

Add here what tells whether probabilities mean what they say; avoid scores of single answers
(``brier``), and how answers are stored.
"""

import pandas as pd

BINS = 10


def reliability(cells: pd.DataFrame) -> pd.DataFrame:
    """The points of each model's reliability diagram, one row per model and bin with answers.

    Args:
        cells: ``model_id``, ``said`` (probability of the outcome 1) and ``outcome`` (1, 0, or 0.5
            for a tie); rows without either, or outside [0, 1], say nothing and are left out.

    Returns:
        ``model_id, bin, count, said, came``: of the probabilities in [bin / 10, (bin + 1) / 10),
        1 being in the last, how many there are, their mean, and the mean outcome; sorted.

    Reference:
        Murphy, A. H. and Winkler, R. L. (1977): Reliability of subjective probability forecasts of
        precipitation and temperature. Journal of the Royal Statistical Society C 26, 41-47.
    """
    told = cells[cells["said"].between(0, 1) & cells["outcome"].between(0, 1)]
    bins = (told["said"] * BINS).astype("int64").clip(upper=BINS - 1)
    points = told.assign(bin=bins).groupby(["model_id", "bin"], as_index=False)
    return points.agg(count=("said", "size"), said=("said", "mean"), came=("outcome", "mean"))


def calibration_errors(points: pd.DataFrame) -> pd.DataFrame:
    r"""How far off each model is, from its :func:`reliability`, one row per model.

    .. math:: ECE = \sum_b \frac{n_b}{n} \left| \bar p_b - \bar y_b \right|

    Returns:
        ``model_id, count, said, came, error``: number of answers, their mean, the mean outcome,
        and the expected calibration error in [0, 1], lower is better.

    Reference:
        Naeini, M. P., Cooper, G. F. and Hauskrecht, M. (2015): Obtaining well calibrated
        probabilities using Bayesian binning. AAAI 29, 2901-2907.

    >>> cells = pd.DataFrame({"model_id": "a", "said": [0.8, 0.8], "outcome": [1.0, 0.0]})
    >>> calibration_errors(reliability(cells))["error"].round(6).tolist()
    [0.3]
    """
    n = points["count"]
    weighed = points.assign(
        said=n * points["said"],
        came=n * points["came"],
        error=n * (points["said"] - points["came"]).abs(),
    )
    sums = weighed.groupby("model_id", as_index=False)[["count", "said", "came", "error"]].sum()
    means = {name: sums[name] / sums["count"] for name in ("said", "came", "error")}
    return sums.assign(**means)
