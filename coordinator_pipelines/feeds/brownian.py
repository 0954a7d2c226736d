"""A Brownian path that can be read anywhere: the value at a second depends on its seed alone.

Add here what the path is made of; avoid prices and bars.

**Construction** (Lévy-Ciesielski): time is cut into blocks of 2**22 s (48.5 days). At the
borders of blocks the path is an independent Gaussian of variance block / 2, in between a
straight line. Every level below halves the intervals and adds, in each, a tent (Schauder
function) of height Gaussian * sqrt(interval) / 2. At whole seconds of a block the result is
exactly Brownian: an increment over d seconds has variance d. Over more than a block it is
stationary, so it never drifts away.

**Reproducibility**: Gaussians come from hashed integers (splitmix64), and everything after is
+, -, *, / and sqrt, which IEEE 754 defines to the last bit. Generators, ``exp`` and ``log`` of
libraries are avoided, since their results may change with version and platform.
"""

import hashlib
import math

import numpy as np
import numpy.typing as npt

LEVELS = 22
LOG_2 = 0.6931471805599453
GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
LOW_BITS = np.uint64(0xFFFF)
QUARTERS = tuple(np.uint64(shift) for shift in (0, 16, 32, 48))
QUARTERS_MEAN = 4 * (2**16 - 1) / 2
QUARTERS_DEVIATION = math.sqrt(4 * (2**32 - 1) / 12)

Seconds = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


def stream(name: str) -> np.uint64:
    """The 64-bit key of a named sequence of random numbers (BLAKE2b)."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "big"))


def gaussian(key: np.uint64, index: npt.NDArray[np.int64]) -> Numbers:
    """Numbers of mean 0 and variance 1, a function of (key, index) alone; shape of ``index``.

    Sum of the four 16-bit quarters of the hash: bell-shaped, within +-3.5, kurtosis 2.7.
    """
    bits = _hashed(index.astype(np.uint64) * GOLDEN_RATIO + key)
    total: Numbers = (bits & LOW_BITS).astype(np.float64)
    for shift in QUARTERS[1:]:
        total += (bits >> shift) & LOW_BITS
    return (total - QUARTERS_MEAN) / QUARTERS_DEVIATION


def _hashed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * MIX_2
    return bits ^ (bits >> np.uint64(31))


def values(name: str, seconds: Seconds) -> Numbers:
    """The path ``name`` at whole seconds (ascending, at least one); unit sqrt(second)."""
    block = 2**LEVELS
    borders = stream(f"{name}/border")
    before = _nodes(borders, seconds >> LEVELS)
    after = _nodes(borders, (seconds >> LEVELS) + 1)
    line = before + (after - before) * ((seconds & (block - 1)) / block)
    path: Numbers = math.sqrt(block / 2) * line
    for level in range(LEVELS, 0, -1):
        path += _tents(stream(f"{name}/{level}"), seconds, level)
    return path


def _tents(key: np.uint64, seconds: Seconds, level: int) -> Numbers:
    """What intervals of 2**level seconds add."""
    length = 2**level
    position = seconds & (length - 1)
    tent = np.minimum(position, length - position) / (length / 2)
    heights = math.sqrt(length) / 2 * _nodes(key, seconds >> level)
    added: Numbers = heights * tent
    return added


def _nodes(key: np.uint64, index: npt.NDArray[np.int64]) -> Numbers:
    """Gaussians of an ascending index; each is hashed once where the index repeats itself."""
    first, last = index[0], index[-1]
    if last - first >= index.size:
        return gaussian(key, index)
    nodes: Numbers = gaussian(key, np.arange(first, last + 1))[index - first]
    return nodes


def exponential(x: Numbers) -> Numbers:
    """e**x to about 1e-15, from elementary arithmetic only (Taylor series, halved range)."""
    power = np.rint(x / LOG_2)
    rest = x - power * LOG_2
    series: Numbers = np.ones_like(rest)
    for n in range(14, 0, -1):
        series = 1 + series * rest / n
    scaled: Numbers = np.ldexp(series, power.astype(np.int64))
    return scaled
