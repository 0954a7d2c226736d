"""Leaves of many predictions at once: the same hashes as of one after the other, and their root."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines import verify_evidence as verifier
from coordinator_pipelines.domain.evidence import merkle
from coordinator_pipelines.domain.evidence.canonical import canonical_json, canonical_texts
from coordinator_pipelines.domain.evidence.leaves import cell, cells_root, leaf_hashes, salt

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts
    | st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e-3, 1e-3)
    | st.sampled_from([1e15, 1e16, 123456789012345.6, 1234567890123456.7, -0.0, 10**15, 10**16]),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=6,
)  # fmt: skip
documents = st.none() | values.map(json.dumps) | st.builds(json.dumps, values, indent=st.just(1))


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    performed_at = datetime(2025, 1, 1, tzinfo=UTC)
    return {
        "mode": draw(st.sampled_from(["live", "replay"])), "prediction_config_id": draw(texts),
        "performed_at": performed_at.replace(microsecond=draw(st.integers(0, 999_999))),
        "model_id": draw(texts), "version": draw(st.integers(1, 3)), "status": "SUCCESS",
        "output_json": draw(documents), "raw_output_json": draw(documents),
    }  # fmt: skip


@given(st.lists(rows(), min_size=1, max_size=4), st.none() | texts)
def test_many_leaves_are_hashed_as_each_is_opened(
    cells: list[dict[str, Any]], challenge: str | None
) -> None:
    seeds = [bytes([place]) * 32 for place in range(len(cells))]
    columns = {name: [row[name] for row in cells] for name in cells[0]}
    opened = [
        cell(challenge, row, salt(seed, row["model_id"]))
        for row, seed in zip(cells, seeds, strict=True)
    ]
    expected = [verifier.leaf_hash(verifier.canonical(told).encode()) for told in opened]
    assert leaf_hashes(challenge, columns, seeds) == expected


@given(st.lists(documents))
def test_texts_are_written_alike_one_by_one_and_at_once(given: list[str | None]) -> None:
    one_by_one = [canonical_json(text and json.loads(text)).decode() for text in given]
    assert canonical_texts(given) == one_by_one


@pytest.mark.parametrize("size", [*range(20), 64, 100])
def test_the_root_of_a_round_is_the_root_of_its_tree(size: int) -> None:
    hashes = [merkle.leaf_hash(str(number).encode()) for number in range(size)]
    assert cells_root(hashes) == merkle.root(size, merkle.tree_of(hashes))
