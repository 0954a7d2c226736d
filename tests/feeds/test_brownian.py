"""The path under the simulated prices: Gaussians and exponentials from integers alone."""

import numpy as np
import pytest

from coordinator_pipelines.feeds.brownian import LEVELS, exponential, gaussian, stream, values

INDEX = np.arange(200_000)


def test_hashed_numbers_have_mean_zero_and_variance_one():
    numbers = gaussian(stream("a"), INDEX)
    assert numbers.mean() == pytest.approx(0, abs=0.01)
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert np.abs(numbers).max() < 3.5
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.01


def test_streams_of_other_names_are_unrelated():
    first, second = (gaussian(stream(name), INDEX) for name in ("a", "b"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01


@pytest.mark.parametrize("lag", [1, 2, 3, 60, 1000, 2**16])
def test_the_variance_of_an_increment_is_its_length(lag):
    squares = [
        np.mean((values(f"path {k}", points + lag) - values(f"path {k}", points)) ** 2)
        for k in range(20)
        for points in [np.arange(0, 2**LEVELS - lag, 4099)]
    ]
    assert np.mean(squares) == pytest.approx(lag, rel=0.1)


def test_the_path_is_continuous_at_the_border_of_blocks():
    border = 2**LEVELS * 400
    path = values("path", np.arange(border - 50, border + 50))
    assert np.abs(np.diff(path)).max() < 6


def test_a_second_has_one_value_however_it_is_asked():
    seconds = np.arange(2**LEVELS - 5000, 2**LEVELS + 5000)
    whole = values("path", seconds)
    assert values("path", seconds[::97]).tolist() == whole[::97].tolist()
    assert [values("path", seconds[k : k + 1])[0] for k in (0, 4999, 5000, 9999)] == [
        whole[k] for k in (0, 4999, 5000, 9999)
    ]


def test_the_exponential_is_that_of_the_textbook():
    x = np.linspace(-40, 40, 20_001)
    assert np.allclose(exponential(x), np.exp(x), rtol=1e-14, atol=0)
    assert exponential(np.zeros(1)).tolist() == [1.0]
