import pytest

from coordinator_pipelines.starter.validation import validate_output


def test_an_answer_is_stored_as_a_probability():
    density = {"type": "builtin", "name": "norm", "params": {"loc": 0.0, "scale": 3.0}}
    assert validate_output({"p_up": 1, "note": "sure"}) == {"p_up": 1.0}
    assert validate_output([density]) == {"p_up": 0.5}


def test_what_is_no_answer_raises():
    with pytest.raises(ValueError, match="p_up"):
        validate_output({"score": 0.5})
