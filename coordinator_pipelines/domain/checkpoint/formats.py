"""A checkpoint as others read it: the raw emission, the command line's format, prizes.

Add a format here; avoid computing shares. The shares of a format add up to the whole, like those
of the checkpoint: an account with several places is one row.
"""

import json
from collections import Counter
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.shares import WHOLE, exact, largest_remainder
from coordinator_pipelines.domain.values.errors import CheckpointError

PERCENT = WHOLE // 100


def emission(checkpoint: "pd.Series[Any]") -> dict[str, Any]:
    """The raw emission: shares in billionths by index, ``reward_pct`` as the successor calls them.

    ``{"crunch", "cruncher_rewards": [{"cruncher_index", "reward_pct"}],
    "compute_provider_rewards": [{"provider", "reward_pct"}], "data_provider_rewards": [...]}``.

    Raises:
        CheckpointError: the checkpoint pays nobody.
    """
    meta, rewards = json.loads(checkpoint["meta_json"]), Counter[int]()
    for entry in _paid(checkpoint):
        rewards[entry["cruncher_index"]] += entry["share"]
    return {
        "crunch": meta["crunch"],
        "cruncher_rewards": [
            {"cruncher_index": index, "reward_pct": share}
            for index, share in sorted(rewards.items())
        ],
        "compute_provider_rewards": _providers(meta["compute_providers"]),
        "data_provider_rewards": _providers(meta["data_providers"]),
    }


def cli_format(checkpoint: "pd.Series[Any]") -> dict[str, Any]:
    """The successor's command-line format: percent by model, seven decimals.

    ``{"crunch", "crunchEmission": {model id: percent}, "computeProvider", "dataProvider"}``.
    A billionth is 0.0000001 %, so no digit is lost.

    Raises:
        CheckpointError: the checkpoint pays nobody.
    """
    meta = json.loads(checkpoint["meta_json"])
    return {
        "crunch": meta["crunch"],
        "crunchEmission": {
            entry["model_id"] or entry["account"]: _percent(entry["share"])
            for entry in _paid(checkpoint)
        },
        "computeProvider": {p["provider"]: _percent(p["share"]) for p in meta["compute_providers"]},
        "dataProvider": {p["provider"]: _percent(p["share"]) for p in meta["data_providers"]},
    }


def prizes(checkpoint: "pd.Series[Any]", total_prize: int) -> list[dict[str, Any]]:
    """A whole amount for each model, together ``total_prize``.

    ``[{"prizeId": "<checkpoint>-<model>", "timestamp": unix seconds, "model", "prize"}]``.

    Raises:
        CheckpointError: the checkpoint pays nobody.
    """
    paid = _paid(checkpoint)
    amounts = largest_remainder([exact(entry["share"]) for entry in paid], total_prize)
    timestamp = int(checkpoint["period_end"].timestamp())
    return [
        {
            "prizeId": f"{checkpoint['id']}-{entry['model_id'] or entry['account']}",
            "timestamp": timestamp,
            "model": entry["model_id"] or entry["account"],
            "prize": amount,
        }
        for entry, amount in zip(paid, amounts, strict=True)
    ]


FORMATS = {"emission": emission, "cli": cli_format}
"""Name -> what makes it, of those that need nothing but the checkpoint."""


def _paid(checkpoint: "pd.Series[Any]") -> list[dict[str, Any]]:
    """The entries with a share, and the treasury's as one without a model."""
    paid = [entry for entry in json.loads(checkpoint["entries_json"]) if entry["share"]]
    treasury = json.loads(checkpoint["meta_json"])["treasury"]
    if treasury and treasury["share"]:
        paid.append({"model_id": None, **treasury})
    if not paid:
        raise CheckpointError(f"{checkpoint['id']} pays nobody: there is no emission")
    return paid


def _providers(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"provider": one["provider"], "reward_pct": one["share"]} for one in stored]


def _percent(share: int) -> float:
    return share / PERCENT
