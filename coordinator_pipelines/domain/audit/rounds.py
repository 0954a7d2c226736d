"""Rounds and answers anew: what models were asked from feed records, and the hash of each answer.

Add here what follows from the spec and the records before a round; avoid truths and scores. Who
was asked what live is an observation of that moment: its input is kept, and nothing is below it.
"""

import json
from collections.abc import Iterator

import pandas as pd

from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.finding import Checked, compared, withheld
from coordinator_pipelines.domain.doors.ledger import ROUND, Mode, RoundStatus
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes
from coordinator_pipelines.domain.prediction_batch.question import (
    Sight,
    ask_window,
    call_of,
    with_inputs,
)
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.timeline.window import Window, windows_between, within
from coordinator_pipelines.domain.values.errors import CallableError

STEP, ANSWERS = "rounds", "predictions"
KEY = ["mode", *ROUND]
REPLAYED = ("resolvable_at", "status", "reason", "input_ended_at", "scope_json", "input_json")
CAPTURED = ("resolvable_at", "scope_json")
OWN_IO = "code of the challenge's own reads the outside: {}"
NOT_IN_SPEC = "its prediction config is no longer in the spec"
PRUNED = "the feed records that it saw are not stored any more"
LATER_RECORDS = "feed records were stored after it"
OBSERVED = "a live input is what was seen then: nothing is below it"


def check_rounds(audited: Audited, span: Window) -> Checked:
    """The rounds of whole batch windows: when they resolve, and what models were told."""
    books, rules = audited.books, audited.rules
    stored = books.rounds(audited.mode, span.start, span.end, inputs=True)
    known = stored["prediction_config_id"].isin(audited.configs)
    checked = withheld(STEP, int((~known).sum()), NOT_IN_SPEC)
    stored = stored[known].reset_index(drop=True)
    if audited.mode is Mode.LIVE:
        checked.add(_captured(audited, span, stored))
    elif rules.not_replayable:
        reason = OWN_IO.format(", ".join(rules.not_replayable))
        checked.add(withheld(STEP, len(stored), reason))
    else:
        checked.add(_replayed(audited, span, stored))
    return checked


def check_answers(audited: Audited, span: Window) -> Checked:
    """The answers of a span: each fits the hash that was stored with it."""
    stored = audited.books.predictions(audited.mode, span.start, span.end)
    again = stored.assign(answer_hash=answer_hashes(stored))
    key = [*KEY, "model_id", "version"]
    return compared(ANSWERS, stored, again, key, ["answer_hash"])


def _captured(audited: Audited, span: Window, stored: pd.DataFrame) -> Checked:
    """Live rounds: the scope follows from the input, the horizon from the spec."""
    due = timeline(audited.challenge, audited.books, span)[[*ROUND, "resolvable_at"]]
    inputs = stored[[*KEY, "input_json"]]
    again = inputs.merge(due, on=ROUND).assign(scope_json=None)
    configs = {config.id: config for config in audited.challenge.configs}
    places = zip(again.index, again["prediction_config_id"], again["input_json"], strict=True)
    for index, config, text in places:
        if isinstance(text, str):
            again.loc[index, "scope_json"] = _scope(audited, configs[config], text)
    checked = compared(STEP, stored, again, KEY, CAPTURED)
    asked = int(stored["input_json"].notna().sum())
    checked.rows += asked
    checked.withheld[OBSERVED] += asked
    return checked


def _scope(audited: Audited, config: object, text: str) -> str | None:
    try:
        return call_of(audited.rules, config, json.loads(text))[1]  # type: ignore[arg-type]
    except (CallableError, ValueError) as error:
        return json.dumps(str(error))


def _replayed(audited: Audited, span: Window, stored: pd.DataFrame) -> Checked:
    """Replayed rounds, asked again window by window of the records that were there."""
    challenge, checked = audited.challenge, Checked(STEP)
    if stored.empty:
        return checked
    records = audited.books.feed_records(
        challenge.feed.symbols, span.start - challenge.look_back, span.end, all_versions=True
    )
    sight = Sight.of(challenge, records)
    due = with_inputs(challenge, timeline(challenge, audited.books, span), sight)
    for window, own in _by_window(audited, span, stored):
        again = _asked(audited, window, within(due, window), own, sight)
        excuse = pd.Series(_excuse(audited, window), own.index, "object")
        found = compared(STEP, own, again, KEY, REPLAYED)
        if found.differences and isinstance(excuse.iloc[0], str):
            found = compared(STEP, own, again, KEY, REPLAYED, excuse)
        checked.add(found)
    return checked


def _by_window(
    audited: Audited, span: Window, stored: pd.DataFrame
) -> Iterator[tuple[Window, pd.DataFrame]]:
    for window in windows_between(span.start, span.end, audited.challenge.window_length):
        own = within(stored, window).reset_index(drop=True)
        if len(own):
            yield window, own


def _asked(
    audited: Audited, window: Window, due: pd.DataFrame, stored: pd.DataFrame, sight: Sight
) -> pd.DataFrame:
    """The rounds of a window with what they would be told. What was VOID is not told anything."""
    void = stored.loc[stored["status"] == RoundStatus.VOID.value, ROUND]
    both = due.merge(void, on=ROUND, how="left", indicator="was")
    asked = due[(both["was"] == "left_only").to_numpy()].reset_index(drop=True)
    skipped = due[(both["was"] == "both").to_numpy()].assign(scope_json=None, input_json=None)
    if len(asked):
        _, asked = ask_window(audited.challenge, audited.rules, window, asked, sight)
    parts = [part for part in (asked, skipped) if len(part)]
    again = pd.concat(parts, ignore_index=True) if parts else due
    return again.assign(mode=audited.mode.value)


def _excuse(audited: Audited, window: Window) -> str | None:
    """Why a replayed window may come out otherwise by right."""
    start = window.start - audited.challenge.look_back
    oldest = audited.oldest_record()
    if oldest is None or oldest > start:
        return PRUNED
    asked_at = audited.books.first_asked_at(audited.mode, window.start, window.end)
    stored_at = audited.books.last_record_at(start, window.end)
    later = stored_at is not None and asked_at is not None and stored_at > asked_at
    return LATER_RECORDS if later else None
