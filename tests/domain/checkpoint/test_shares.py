"""Shares of a reward: whole, exact, fair to ties, and blind to names and to the order of rows."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.checkpoint.candidates import candidates
from coordinator_pipelines.domain.checkpoint.payees import field_of
from coordinator_pipelines.domain.checkpoint.shares import (
    WHOLE,
    distributed,
    exact,
    in_billionths,
    largest_remainder,
)
from coordinator_pipelines.domain.checkpoint.strategies import earned
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.domain.checkpoint.entries import entry, ranked
from tests.specs import changed

BY_RANK: list[dict[str, Any]] = [
    {},
    {"strategy": "winner_takes_all"},
    {"strategy": "top_n", "top_n": 3},
    {"strategy": "tiers", "tiers": [{"places": 2, "share": 0.3}, {"places": 1, "share": 0.1}]},
    {"strategy": "tiers", "owner_cap": 0.2, "treasury": "house"},
    {"strategy": "skill", "baseline_score": 0.25},
    {"strategy": "skill", "baseline_score": 0.5, "owner_cap": 0.3, "treasury": "house"},
    {"strategy": "top_n", "top_n": 5, "rest": "treasury", "treasury": "house"},
]
"""Emissions under which a better place never earns less."""
values = st.lists(
    st.floats(0, 1).map(lambda x: round(x, 3)) | st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    min_size=1,
    max_size=40,
)


def challenge_with(emission: dict[str, Any]):
    return checked_challenge(changed({"emission": emission} if emission else {}))


def paid(emission: dict[str, Any], entries: list[dict[str, Any]], own=None):
    """Model id -> share, and what nobody may have."""
    challenge = challenge_with(emission)
    found = candidates(challenge, [entries])
    accounts = {e["model_id"]: e["cruncher_id"] for e in entries}
    field = field_of(challenge, found, accounts)
    known = {c.model_id: c.value for c in found if c.value is not None}
    parts = earned(challenge, field.payees, known, own)
    cap = in_billionths(challenge.emission.owner_cap)
    amounts, left = distributed(parts, cap, challenge.emission.rest_rule)
    everything = [*amounts, left]
    shares = largest_remainder(everything)
    names = [payee.candidate.model_id for payee in field.payees]
    return dict(zip(names, shares[:-1], strict=True)), shares[-1]


@given(st.sampled_from(BY_RANK), values)
def test_shares_are_whole_exact_capped_and_fall_with_the_rank(emission, scores):
    shares, left = paid(emission, ranked(scores))
    listed = list(shares.values())
    assert all(isinstance(share, int) and share >= 0 for share in listed)
    assert sum(listed) + left == WHOLE
    cap = challenge_with(emission).emission.owner_cap
    assert max(listed) <= round(cap * WHOLE)
    assert listed == sorted(listed, reverse=True)


@given(st.sampled_from(BY_RANK), values, st.randoms(use_true_random=False))
def test_shares_depend_neither_on_names_nor_on_the_order_of_rows(emission, scores, random):
    entries = ranked(scores)
    before = list(paid(emission, entries)[0].values())
    names = [f"other{i}" for i in range(len(entries))]
    random.shuffle(names)
    renamed = [
        {**one, "model_id": name, "cruncher_id": name}
        for one, name in zip(entries, names, strict=True)
    ]
    assert list(paid(emission, renamed)[0].values()) == before


@given(values)
def test_ties_share_the_places_that_they_span(scores):
    shares, _ = paid({}, ranked(scores))
    by_value: dict[float, list[int]] = {}
    for one in ranked(scores):
        by_value.setdefault(one["score"]["ranking"]["value"], []).append(shares[one["model_id"]])
    assert all(max(tied) - min(tied) <= 1 for tied in by_value.values())


def test_the_tiers_are_those_of_the_successor():
    percent = WHOLE // 100
    assert list(paid({}, ranked([3, 2, 1]))[0].values()) == [50 * percent, *[25 * percent] * 2]
    assert list(paid({}, ranked([1]))[0].values()) == [WHOLE]
    twelve = [share // percent for share in paid({}, ranked(range(12)))[0].values()]
    assert twelve == [35, *[10] * 4, *[5] * 5, 0, 0]


def test_two_at_the_top_share_the_first_two_places():
    shares, _ = paid({}, ranked([1.0, 1.0, *[0.5 - i / 100 for i in range(8)]]))
    assert list(shares.values())[:3] == [225_000_000, 225_000_000, 100_000_000]


def test_models_that_cannot_be_told_apart_share_where_the_spec_says_so():
    entries = ranked([0.9, 0.8, 0.7])
    for one, tier in zip(entries, (1, 1, 2), strict=True):
        one["score"]["certainty"] = {"windows": {"anchor": {"tier": tier}}}
    shares, _ = paid({"ties": "tier", "tiers": [{"places": 1, "share": 0.6}]}, entries)
    assert list(shares.values()) == [433_333_334, 433_333_333, 133_333_333]
    shares, _ = paid({"tiers": [{"places": 1, "share": 0.6}]}, entries)
    assert list(shares.values()) == [733_333_334, 133_333_333, 133_333_333]


def test_an_owner_with_ten_copies_gets_what_one_gets():
    alone = [entry("one", 0.9, owner="alice"), entry("rival", 0.8, rank=2, owner="bob")]
    copies = [
        entry(f"copy{i}", 0.9, rank=i, owner="alice", joined=i) for i in range(1, 11)
    ] + [entry("rival", 0.8, rank=11, owner="bob")]  # fmt: skip
    assert sorted(paid({}, copies)[0].values()) == sorted(paid({}, alone)[0].values())
    assert set(paid({}, copies)[0]) == {"copy1", "rival"}


def test_linked_accounts_are_one_payee_up_to_the_cap():
    entries = [
        entry("best", 0.9, rank=1, owner="alice"), entry("other", 0.8, rank=2, owner="alias"),
        entry("rival", 0.7, rank=3, owner="bob"),
    ]  # fmt: skip
    emission = {"owner_cap": 0.6, "treasury": "house", "strategy": "top_n", "top_n": 2}
    assert paid(emission, entries)[0] == {"best": WHOLE // 2, "other": WHOLE // 2, "rival": 0}
    linked = emission | {"linked_accounts": [["alias", "alice"]]}
    assert paid(linked, entries)[0] == {"best": WHOLE // 2, "rival": WHOLE // 2}
    challenge = challenge_with(linked)
    accounts = {e["model_id"]: e["cruncher_id"] for e in entries}
    field = field_of(challenge, candidates(challenge, [entries]), accounts)
    assert [payee.account for payee in field.payees] == ["alice", "bob"]
    [(_, why)] = field.unpaid
    assert why == "its owner is paid for best (alias and alice are linked accounts)"


def test_who_has_no_data_or_no_account_gets_nothing_and_is_told_why():
    challenge = challenge_with({"unpaid_models": ["house"], "minimum_score": 0.2})
    entries = [
        entry("house", 0.9), entry("anonymous", 0.8, owner="unknown"), entry("good", 0.7),
        entry("bad", 0.1), entry("absent", None, rank=None, reason="no data"),
    ]  # fmt: skip
    accounts = {e["model_id"]: e["cruncher_id"] for e in entries}
    field = field_of(challenge, candidates(challenge, [entries]), accounts)
    assert [payee.candidate.model_id for payee in field.payees] == ["good"]
    assert {c.model_id: why for c, why in field.unpaid} == {
        "house": "never paid in this challenge (unpaid_models)",
        "anonymous": "its owner's account is not known",
        "bad": "its score is worse than 0.2 (minimum_score)",
        "absent": "no data",
    }


def test_lower_is_better_where_the_challenge_says_so():
    emission = {"strategy": "skill", "baseline_score": 1.0}
    challenge = challenge_with(emission)
    entries = ranked([0.25, 0.75, 1.5], direction="asc")
    found = candidates(challenge, [entries])
    field = field_of(challenge, found, {e["model_id"]: e["cruncher_id"] for e in entries})
    assert earned(challenge, field.payees, {}, None) == [Fraction(3, 4), Fraction(1, 4), 0]


def test_nobody_above_the_baseline_means_that_nobody_earned_anything():
    challenge = challenge_with({"strategy": "skill", "baseline_model": "m1"})
    entries = ranked([0.5, 0.4])
    found = candidates(challenge, [entries])
    field = field_of(challenge, found, {e["model_id"]: e["cruncher_id"] for e in entries})
    parts = earned(challenge, field.payees, {"m1": 0.5, "m2": 0.4}, None)
    assert parts == [0, 0]
    assert distributed(parts, Fraction(1), "proportionally") == ([0, 0], 1)


def test_contribution_weighs_rank_contribution_and_diversity_with_a_floor():
    emission = {
        "emission": {"strategy": "contribution"},
        "callables.MODEL_SCORE_AGGREGATOR": "some.module:aggregate",
    }
    challenge = checked_challenge(changed(emission))
    entries = [
        entry("a", 0.9, contribution=0.0, model_correlation=0.9),
        entry("b", 0.8, rank=2, contribution=0.5, model_correlation=0.1),
        entry("c", 0.7, rank=3, contribution=None, model_correlation=0.9),
    ]
    found = candidates(challenge, [entries])
    field = field_of(challenge, found, {e["model_id"]: e["model_id"] for e in entries})
    parts = earned(challenge, field.payees, {}, None)
    # By hand: a 0.5, b 0.5 * (1/2 - 1/3) / (2/3) + 0.3 + 0.2, c nothing but the floor of 1 %.
    raw = [Fraction(1, 2), Fraction(1, 8) + Fraction(1, 2), Fraction(0)]
    scaled = [max(part / sum(raw), Fraction(1, 100)) for part in raw]
    assert parts == [part / sum(scaled) for part in scaled]


def test_an_authors_weights_are_scaled_and_checked():
    emission = {
        "emission": {"strategy": "author"},
        "callables.EMISSION_STRATEGY": "some.module:emit",
    }
    challenge = checked_challenge(changed(emission))
    entries = ranked([0.9, 0.8])
    found = candidates(challenge, [entries])
    field = field_of(challenge, found, {e["model_id"]: e["cruncher_id"] for e in entries})

    def pay(weights: object):
        return earned(challenge, field.payees, {}, lambda _payees: weights)

    assert pay({"m1": 3, "m2": 1}) == [Fraction(3, 4), Fraction(1, 4)]
    assert pay({"m2": 2.5}) == [0, 1]
    assert pay({}) == [0, 0]
    for wrong, said in (
        (["m1"], "returned a list"),
        ({"stranger": 1}, "'stranger', which is not among the payees"),
        ({"m1": -1}, "the weight -1"),
        ({"m1": float("nan")}, "the weight nan"),
        ({"m1": True}, "the weight True"),
    ):
        with pytest.raises(Exception, match=said):
            pay(wrong)


def test_another_metric_decides_where_the_spec_says_so():
    challenge = challenge_with({"metric": "recent"})
    entries = [
        entry("first", 0.9, recent=0.1),
        entry("second", 0.8, rank=2, recent=0.3),
        entry("third", 0.7, rank=3, recent=None),
    ]
    found = candidates(challenge, [entries])
    assert [(c.model_id, c.value, c.unpaid) for c in found] == [
        ("second", 0.3, None), ("first", 0.1, None), ("third", None, "no value for recent"),
    ]  # fmt: skip


def test_the_mean_over_boards_counts_those_who_were_there():
    challenge = challenge_with({"basis": "mean_of_boards", "minimum_presence": 0.6})
    early = [entry("steady", 0.6), entry("fading", 0.4, rank=2)]
    boards = [early, early, [entry("late", 0.99), entry("steady", 0.3, rank=2)]]
    found = candidates(challenge, boards)
    assert [(c.model_id, c.value) for c in found] == [("late", 0.99), ("steady", 0.5)]
    assert found[0].unpaid == "ranked on 33.3 % of the period's boards, 60 % needed"
    assert found[1].unpaid is None


@given(st.lists(st.fractions(0, 1), min_size=1, max_size=30).filter(any), st.integers(1, WHOLE))
def test_whole_numbers_are_within_one_of_the_exact_ones(parts, whole):
    shares = largest_remainder(parts, whole)
    assert sum(shares) == whole
    total = sum(parts)
    assert all(
        abs(share - part * whole / total) < 1 for share, part in zip(shares, parts, strict=True)
    )


def test_a_number_is_taken_as_it_is_written():
    assert exact(0.1) == Fraction(1, 10)
    assert in_billionths(0.1234567891) == Fraction(123456789, WHOLE)
