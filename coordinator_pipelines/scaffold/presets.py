"""What is said of the presets, and what a new challenge takes from them beyond the spec's own.

Add a line here for each preset of ``domain.spec.presets``; avoid the sections of a spec: they stand
there.
"""

from collections.abc import Mapping

DESCRIPTIONS: Mapping[str, str] = {
    "baseline": "Balanced default profile for local development.",
    "realtime": "Low-latency tournament profile for short horizon updates.",
    "in-sample": "In-sample tournament profile for calibration and quick iteration.",
    "out-of-sample": "Out-of-sample tournament profile for holdout evaluation.",
    "density": "Price densities of several assets and horizons, scored by CRPS.",
    "tournament": "Rounds that an operator opens with a feature table and resolves later.",
}
QUESTIONS: Mapping[str, str] = {
    "baseline": "up_down",
    "realtime": "up_down",
    "in-sample": "up_down",
    "out-of-sample": "up_down",
    "density": "density",
    "tournament": "table",
}
"""What models are asked: a directory of ``questions`` with the files that only this needs."""
REFRESH_SECONDS: Mapping[str, int] = {
    "baseline": 60,
    "realtime": 15,
    "in-sample": 60,
    "out-of-sample": 300,
    "density": 300,
    "tournament": 3600,
}
"""How often boards are renewed: what the original called ``checkpoint_interval_seconds``."""


def preset_lines() -> list[str]:
    """The presets by name, each with its description, as ``--list-presets`` shows them."""
    lines = [f"- {name}: {DESCRIPTIONS[name]}" for name in sorted(DESCRIPTIONS)]
    return ["Available presets:", *lines]
