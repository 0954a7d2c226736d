"""Candle files with known content, and closes read back without the code under test."""

import csv
import gzip
import math
import random
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

MINUTE = 60


def walk(count: int, seed: int = 1, tie_share: float = 0.05) -> list[float]:
    """Prices in whole cents that now and then do not move."""
    draw, price, prices = random.Random(seed), 10_000, []
    for _ in range(count):
        price += 0 if draw.random() < tie_share else draw.choice((-9, -4, -1, 1, 4, 9))
        prices.append(price / 100)
    return prices


def closes_from(first_end: datetime, prices: list[float]) -> dict[int, float]:
    """Unix second -> price, a minute apart."""
    start = int(first_end.timestamp())
    return {start + MINUTE * k: price for k, price in enumerate(prices)}


def write_candles(
    path: Path, closes: Mapping[int, float], *, missing: Collection[int] = (), symbol: str = ""
) -> Path:
    """A file of minute candles; ``closes`` are keyed by the END of the bar."""
    header = ["ts", "open", "high", "low", "close", "volume", *(["symbol"] if symbol else [])]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(header)
        for end, close in sorted(closes.items()):
            if end not in missing:
                extra = [symbol] if symbol else []
                rows.writerow([end - MINUTE, close, close, close, close, 1.0, *extra])
    return path


def read_closes(path: Path) -> dict[int, float]:
    """Unix second of a bar's END -> its close, with the standard library alone."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as file:
        return {int(row["ts"]) + MINUTE: float(row["close"]) for row in csv.DictReader(file)}


def close_to(one: float, other: float) -> bool:
    """Equal to 1e-12, relative or absolute."""
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
