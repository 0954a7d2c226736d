"""One number explained: from a model's place on a board down to feed records, each step recomputed.

Add a link here when a stage comes between two others; avoid recomputing (the modules of the
steps) and how a chain is shown. The links go from the board down; each is compared with what it
was made of, which is what the next ones tell.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.audit.boards import (
    BOARDS,
    MODEL_SCORES,
    check_boards,
    check_model_scores,
)
from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.finding import Checked, plain
from coordinator_pipelines.domain.audit.rounds import ANSWERS, check_answers, check_rounds
from coordinator_pipelines.domain.audit.rounds import STEP as ROUNDS
from coordinator_pipelines.domain.audit.scores import STATISTICS, check_scores, check_statistics
from coordinator_pipelines.domain.audit.scores import STEP as SCORES
from coordinator_pipelines.domain.audit.truths import STEP as TRUTHS
from coordinator_pipelines.domain.audit.truths import check_truths
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.timeline.window import Window, bucket_end, trailing, window_of
from coordinator_pipelines.domain.values.content import content_hash
from coordinator_pipelines.domain.values.errors import CoordinatorError

MOMENT = timedelta(microseconds=1)
RECORDS = "feed_records"
FACTS = {
    SCORES: ("value", "rule", "scorer", "status", "failed_reason", "version", "prediction_version",
             "truth_version"),
    TRUTHS: ("state", "outcome", "entry_price", "resolved_price", "reason", "payload_json",
             "version", "entry_record_version", "resolved_record_version"),
    RECORDS: ("subject", "ended_at", "version", "open", "high", "low", "close", "volume",
              "source", "observed_at"),
    ANSWERS: ("status", "output_json", "raw_output_json", "runner_status", "failed_reason",
              "version", "code_hash", "answer_hash"),
    ROUNDS: ("status", "reason", "resolvable_at", "input_ended_at", "scope_json", "input_json"),
    STATISTICS: ("bucket_end", "n", "n_imputed", "total", "squares"),
}  # fmt: skip
"""Step -> the columns that a link of it tells."""


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain: what is stored, and what its recomputation found."""

    step: str
    config_id: str | None
    """The prediction config that the link is of; None for what is of all."""
    facts: dict[str, Any]
    checked: Checked | None
    """None for what nothing is below: a feed record."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain of a model in a round, from the board down."""

    challenge: str
    mode: str
    model_id: str
    performed_at: datetime
    spec: dict[str, str]
    """``version`` of the format, and ``hash`` of what it says today."""
    links: list[Link] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing differs from its recomputation."""
        return not any(link.checked and link.checked.differences for link in self.links)


def explain(
    audited: Audited, model_id: str, performed_at: datetime, as_of: datetime | None = None
) -> Explanation:
    """The chain of a model in the rounds of an instant.

    ``as_of``: of the newest board at or before it, else of the newest one.

    Raises:
        CoordinatorError: the model was not asked then.
    """
    books, mode = audited.books, audited.mode
    moment = Window(performed_at, performed_at + MOMENT)
    answers = books.predictions(mode, moment.start, moment.end)
    answers = answers[answers["model_id"] == model_id]
    if answers.empty:
        raise CoordinatorError(_unknown(audited, model_id, performed_at))
    challenge = audited.challenge
    spec = challenge.model_dump(mode="json")
    told = Explanation(
        challenge.name,
        mode.value,
        model_id,
        moment.start,
        {"version": challenge.spec_version, "hash": content_hash(spec)},
    )
    resolvable_at = answers["resolvable_at"].max().to_pydatetime()
    told.links.extend(_published(audited, model_id, as_of or from_epoch(2**33), resolvable_at))
    chain = _Chain(audited, model_id, moment)
    for config in answers["prediction_config_id"]:
        told.links.extend(chain.links(config))
    return told


def _unknown(audited: Audited, model_id: str, performed_at: datetime) -> str:
    known = sorted(set(audited.books.memberships(audited.mode)["model_id"]))
    if model_id not in known:
        listed = f"there are {', '.join(known)}" if known else "there is none"
        return f"no {audited.mode.value} model is called {model_id}; {listed}"
    return (
        f"{model_id} has no answer in a {audited.mode.value} round of "
        f"{performed_at:%Y-%m-%dT%H:%M:%SZ}; rounds are named by the instant at which models are "
        "asked"
    )


def _published(
    audited: Audited, model_id: str, until: datetime, resolvable_at: datetime
) -> Iterator[Link]:
    """The model's place on the board, and the metrics that it was ranked by."""
    board = audited.books.board(audited.mode, until)
    if board.empty:
        return
    as_of = board["as_of"].item().to_pydatetime()
    entries = json.loads(board["entries_json"].item())
    entry = next((one for one in entries if one["model_id"] == model_id), None)
    windows = audited.challenge.trailing_windows_hours
    counted = [
        name
        for name, hours in windows.items()
        if trailing(as_of, hours)[0] < resolvable_at <= as_of
    ]
    facts = {
        "as_of": as_of,
        "version": int(board["version"].item()),
        "final": bool(board["final"].item()),
        "rank": entry and entry["rank"],
        "unranked_reason": entry and entry["unranked_reason"],
        "ranked_by": entry and entry["score"]["ranking"],
        "windows_with_this_round": counted,
    }
    checked = check_boards(audited, as_of - MOMENT, as_of, interim=True)
    yield Link(BOARDS, None, facts, checked)
    scores = audited.books.model_scores(audited.mode, [as_of])
    for row in scores[scores["model_id"] == model_id].to_dict("records"):
        facts = {
            "version": row["version"],
            "metrics": json.loads(row["metrics_json"]),
            "windows": json.loads(row["payload_json"])["windows"],
        }
        checked = check_model_scores(audited, as_of - MOMENT, as_of, interim=True)
        yield Link(MODEL_SCORES, None, facts, _of_model(checked, model_id))


class _Chain:
    """From score to feed records, in each prediction config of an instant."""

    def __init__(self, audited: Audited, model_id: str, moment: Window) -> None:
        self._audited, self._model_id = audited, model_id
        books, mode = audited.books, audited.mode
        window = window_of(moment.start, audited.challenge.window_length)
        self._rows = {
            SCORES: books.scores(mode, moment.start, moment.end),
            TRUTHS: books.ground_truths(moment.start, moment.end),
            ANSWERS: books.predictions(mode, moment.start, moment.end),
            ROUNDS: books.rounds(mode, moment.start, moment.end, inputs=True),
        }
        checks: dict[str, Callable[[], Checked]] = {
            SCORES: lambda: check_scores(audited, moment),
            TRUTHS: lambda: check_truths(audited, moment),
            ANSWERS: lambda: check_answers(audited, moment),
            ROUNDS: lambda: _at(check_rounds(audited, window), moment.start),
        }
        self._checked = {step: check() for step, check in checks.items()}

    def links(self, config: str) -> Iterator[Link]:
        """The links of one config, from the statistics that its score counts in."""
        for score in self._own(SCORES, config):
            yield from self._statistics(config, score["resolvable_at"])
            yield self._link(SCORES, config, score)
        for truth in self._own(TRUTHS, config):
            yield self._link(TRUTHS, config, truth)
            yield from self._records(config, truth)
        for step in (ANSWERS, ROUNDS):
            for row in self._own(step, config):
                yield self._link(step, config, row)

    def _own(self, step: str, config: str) -> list[dict[Any, Any]]:
        rows = self._rows[step]
        own = rows[rows["prediction_config_id"] == config]
        if "model_id" in own:
            own = own[own["model_id"] == self._model_id]
        return own.to_dict("records")

    def _link(self, step: str, config: str, row: dict[Any, Any]) -> Link:
        checked = _of_model(self._checked[step], self._model_id, config)
        return Link(step, config, _facts(step, row), checked)

    def _statistics(self, config: str, resolvable_at: datetime) -> Iterator[Link]:
        """The bucket of sums that the score is one of."""
        bucket = self._audited.challenge.statistics_bucket
        end = bucket_end(pd.Series([pd.Timestamp(resolvable_at)]), bucket).item().to_pydatetime()
        books, mode = self._audited.books, self._audited.mode
        stored = books.score_statistics(mode, end - MOMENT, end)
        mine = (stored["prediction_config_id"] == config) & (stored["model_id"] == self._model_id)
        checked = check_statistics(self._audited, Window(end - MOMENT, end))
        for row in stored[mine].to_dict("records"):
            of_model = _of_model(checked, self._model_id, config)
            yield Link(STATISTICS, config, _facts(STATISTICS, row), of_model)

    def _records(self, config: str, truth: dict[Any, Any]) -> Iterator[Link]:
        """The versions of feed records that a truth was read from."""
        if truth["subject"] is None:
            return
        ends = {"entry": truth["performed_at"], "resolved": truth["resolvable_at"]}
        stored = self._audited.books.feed_versions(truth["subject"], list(ends.values()))
        for role, end in ends.items():
            used = stored["version"] == truth[f"{role}_record_version"]
            for row in stored[(stored["ended_at"] == end) & used].to_dict("records"):
                yield Link(RECORDS, config, {"role": role, **_facts(RECORDS, row)}, None)


def _facts(step: str, row: dict[Any, Any]) -> dict[str, Any]:
    """What a link tells; documents as what they say."""
    facts = {name: plain(row[name]) for name in FACTS[step]}
    facts |= {n: int(v) for n, v in facts.items() if n.endswith("version") and v is not None}
    return {
        name.removesuffix("_json"): _document(value) if name.endswith("_json") else value
        for name, value in facts.items()
    }


def _document(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _of_model(checked: Checked, model_id: str, config: str | None = None) -> Checked:
    """What was found of one model and config; the reasons of others are left out."""
    own = [
        one
        for one in checked.differences
        if one.row.get("model_id") in (None, model_id)
        and config in (None, one.row.get("prediction_config_id"))
    ]
    return Checked(checked.step, checked.rows, own, checked.withheld)


def _at(checked: Checked, performed_at: datetime) -> Checked:
    """What was found of the rounds of one instant."""
    own = [one for one in checked.differences if one.row["performed_at"] == performed_at]
    return Checked(checked.step, checked.rows, own, Counter(checked.withheld))
