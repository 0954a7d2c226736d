"""What monitoring reads: figures of a captured challenge, and that rules and dashboard use them."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import event

from coordinator_pipelines.api.http.keys import Tier, add_key
from coordinator_pipelines.api.monitoring.exposition import exposed
from coordinator_pipelines.domain.doors.machine import Backups
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.health.figures import figures, gauge
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import metadata
from tests.api.conftest import ApiClient, serving
from tests.support.live import LIVE_START, LivePipeline, live_pipeline, member
from tests.support.machine import Workbench
from tests.support.pipeline import FixedClock

DEPLOY = Path(__file__).parents[2] / "deploy" / "monitoring"
NOW = LIVE_START + timedelta(minutes=5, seconds=10)
KEPT = Backups("/backups", timedelta(hours=26), LIVE_START)
LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"'
LINE = re.compile(rf"([a-zA-Z_:][\w:]*)(?:\{{((?:{LABEL},?)*)\}})? (\S+)")
PARTS = ("_bucket", "_sum", "_count")
GROWING = (
    "rounds", "predictions", "ground_truths", "scores", "round_timings", "captures",
    "round_leases", "model_scores", "leaderboards",
)  # fmt: skip
# Of Prometheus itself.
FOREIGN = {"up"}
Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePipeline]:
    """Five minutes, resolved, with a model that never answers. Only to be read."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        live = live_pipeline(tmp_path_factory.mktemp("metrics"), monkeypatch)
        live.models.join(member('wi"ld\n\\'), lambda *_: Outcome.FAILED)
        live.capture(LIVE_START, LIVE_START + timedelta(minutes=5))
        live.clock.wait_until(NOW)
        live.resolve(LIVE_START)
        yield live


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def admin(keys: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {add_key(keys, 'ops', Tier.ADMIN, None, NOW)}"}


@pytest.fixture(scope="module")
def watched(captured: LivePipeline, keys: Path) -> Iterator[ApiClient]:
    """The API of it, as `coordinator report` serves it."""
    challenge, url = captured.pipeline.challenge, captured.pipeline.url
    with closing(SqlLedger(url, statistics_bucket=challenge.statistics_bucket)) as ledger:
        told = partial(figures, challenge, ledger, Workbench(kept=KEPT))
        with serving(challenge, url, keys=keys, clock=FixedClock(NOW), figures=told) as client:
            yield client


def scraped(text: str) -> Samples:
    """What the text says, read after the format's description and by nothing of ours."""
    found: Samples = {}
    kinds: dict[str, str] = {}
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            assert line.split(" ", 3)[3]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, "a name comes once"
            kinds[name] = kind
        else:
            match = LINE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            base = next((n for n in kinds if name in {n, *(n + part for part in PARTS)}), None)
            assert base == list(kinds)[-1], f"{line} is not below its own TYPE"
            assert (kinds[base] == "counter") == name.endswith("_total")
            pairs = re.findall(LABEL, labels or "")
            read = dict(pair.split("=", 1) for pair in pairs)
            plain = {key: json.loads(text) for key, text in read.items()}
            assert len(plain) == len(pairs)
            assert (plain, name) not in [(known, name) for known, _ in found.get(name, [])]
            found.setdefault(name, []).append((plain, float(value)))
    return found


@pytest.fixture(scope="module")
def samples(watched: ApiClient, admin: dict[str, str]) -> Samples:
    for path in ("/healthz", "/reports/leaderboard", "/nowhere"):
        watched.get(path)
    watched.request("HEAD", "/reports/models")
    watched.request("BREW", "/reports/models")
    answer = watched.get("/metrics", admin)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    return scraped(answer.text)


def value(samples: Samples, name: str, **labels: str) -> float:
    """The one sample of a name that has the labels."""
    [one] = [n for told, n in samples[name] if labels.items() <= told.items()]
    return one


def test_only_operators_read_it(captured: LivePipeline, watched: ApiClient, keys: Path) -> None:
    read = {"X-API-Key": add_key(keys, "ui", Tier.READ, None, NOW)}
    assert watched.get("/metrics").status_code == 401
    assert watched.get("/metrics", read).status_code == 403
    with serving(captured.pipeline.challenge, captured.pipeline.url) as without_keys:
        assert without_keys.get("/metrics").status_code == 401


def test_the_figures_are_those_of_what_was_captured(samples: Samples) -> None:
    assert {told["challenge"] for every in samples.values() for told, _ in every} == {"live"}
    of = partial(value, samples)
    assert of("coordinator_database_up") == 1
    assert of("coordinator_state", state="down") == 1
    assert of("coordinator_vital_sign_ok", sign="rounds_are_captured") == 1
    assert of("coordinator_rounds_last_day", outcome="asked") == 20
    assert of("coordinator_rounds_last_day", outcome="missed") == 0
    for model, outcome in (("half", "SUCCESS"), ('wi"ld\n\\', "FAILED")):
        assert of("coordinator_model_answers_last_hour", model=model, outcome=outcome) == 20
    assert of("coordinator_models", state="member") == 3
    assert of("coordinator_round_stage_seconds", stage="commit", quantile="0.99") >= 0
    assert of("coordinator_filesystem_free_bytes", path="/data") == 50 * 1024**3
    assert of("coordinator_backup_newest_timestamp_seconds") == LIVE_START.timestamp()
    newest = partial(of, "coordinator_newest_timestamp_seconds")
    assert newest(stage="prediction_batch") == (NOW - timedelta(seconds=25)).timestamp()
    # Horizon a minute, and the last price is proven by the next bar, told a second after its end.
    assert newest(stage="score") == newest(stage="ground_truth")
    assert NOW.timestamp() - 20 < newest(stage="score") <= NOW.timestamp()
    assert newest(stage="leaderboard") == newest(stage="model_score") == NOW.timestamp()
    waiting = of("coordinator_rounds_waiting", since="asked")
    scored = 1 + (newest(stage="score") - 60 - LIVE_START.timestamp()) / 15
    assert waiting == 20 - scored
    assert of("coordinator_rounds_waiting", since="due") == 0
    assert "coordinator_oldest_due_round_timestamp_seconds" not in samples


def test_requests_are_counted_by_route_and_not_by_path(samples: Samples) -> None:
    of = partial(value, samples, "coordinator_http_requests_total")
    assert of(route="/reports/leaderboard", status="200", method="GET") == 1
    assert of(route="/reports/models", method="HEAD") == 1
    assert of(route="/reports/models", method="other", status="405") == 1
    assert of(route="(none)", status="404") == 1
    buckets = [
        (float(told["le"]), n)
        for told, n in samples["coordinator_http_request_duration_seconds_bucket"]
        if told["route"] == "/reports/models"
    ]
    assert buckets == sorted(buckets)
    assert [n for _, n in buckets] == sorted(n for _, n in buckets)
    assert buckets[-1] == (float("inf"), 2)


def test_what_others_were_told_before_is_counted_as_such(
    captured: LivePipeline, keys: Path, admin: dict[str, str]
) -> None:
    challenge, url = captured.pipeline.challenge, captured.pipeline.url
    with serving(challenge, url, keys=keys, clock=FixedClock(NOW), fresh_seconds=60) as client:
        for _ in range(3):
            client.get("/reports/models")
        samples = scraped(client.get("/metrics", admin).text)
    assert value(samples, "coordinator_http_requests_total", route="(shared)") == 2
    assert value(samples, "coordinator_http_requests_total", route="/reports/models") == 1


def test_without_the_database_it_still_tells_of_itself(
    captured: LivePipeline, tmp_path: Path, keys: Path, admin: dict[str, str]
) -> None:
    challenge, url = captured.pipeline.challenge, f"sqlite:///{tmp_path / 'gone.db'}"
    shutil.copy(captured.pipeline.url.removeprefix("sqlite:///"), tmp_path / "gone.db")
    with closing(SqlLedger(url)) as ledger:
        told = partial(figures, challenge, ledger, Workbench())
        with serving(challenge, url, keys=keys, figures=told) as client:
            with closing(sqlite3.connect(tmp_path / "gone.db")) as connection:
                connection.execute("DROP TABLE captures")
            samples = scraped(client.get("/metrics", admin).text)
    assert value(samples, "coordinator_database_up") == 0
    assert samples["process_resident_memory_bytes"][0][1] > 1 << 20
    assert "coordinator_state" not in samples


def test_labels_cannot_leave_their_quotes() -> None:
    evil = 'x"} 1\nfake{a="b'
    text = exposed([gauge("one", "two\nthree", (float("nan"), {"model": evil}))], {})
    [[(told, number)]] = scraped(text).values()
    assert told == {"model": evil}
    assert isnan(number)


def test_a_scrape_costs_the_same_however_long_the_history(
    captured: LivePipeline, tmp_path: Path
) -> None:
    """Steps of SQLite's machine, which are the same on every computer."""
    file = tmp_path / "long.db"
    shutil.copy(captured.pipeline.url.removeprefix("sqlite:///"), file)
    short = steps(captured, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        for day in range(2, 42):
            for table in GROWING:
                copy_to_the_past(connection, table, day)
    assert steps(captured, file) < 1.5 * short


def copy_to_the_past(connection: sqlite3.Connection, name: str, days: int) -> None:
    """Every row once more, so many days earlier."""
    table = metadata.tables[name]
    moved = []
    for column in table.columns:
        is_instant = column.name.endswith(("_at", "_until", "as_of", "span_start", "span_end"))
        identifies = (name, column.name) in {("predictions", "id"), ("captures", "run_id")}
        sql = f'"{column.name}"'
        sql = f"{sql} - {days * 86_400_000_000}" if is_instant else sql
        moved.append(f"{sql} || '-{days}'" if identifies else sql)
    first = next(c.name for c in table.columns if c.name in ("performed_at", "started_at", "as_of"))
    since = int((LIVE_START - timedelta(hours=12)).timestamp() * 1_000_000)
    connection.execute(
        f'INSERT INTO {name} SELECT {", ".join(moved)} FROM {name} WHERE "{first}" > {since}'
    )


def steps(captured: LivePipeline, file: Path) -> int:
    """Of the database, for one scrape."""
    taken = [0]

    def count() -> None:
        taken[0] += 1

    with closing(SqlLedger(f"sqlite:///{file}")) as ledger:

        def watch(connection: Any, *_: object) -> None:
            connection.set_progress_handler(count, 50)

        event.listen(ledger._database._engine, "checkout", watch)
        list(figures(captured.pipeline.challenge, ledger, Workbench(), NOW))
    return taken[0]


# -- what is deployed with it ------------------------------------------------------------------

SELECTOR = re.compile(r"([a-zA-Z_]\w*)(?:\{([^}]*)\})?")
WORDS = {
    "by", "on", "without", "sum", "rate", "time", "offset", "unless", "or", "and", "topk",
    "histogram_quantile", "changes", "label_values",
}  # fmt: skip
MATCHER = re.compile(r'(\w+)\s*(=~?)\s*"([^"]*)"')


def rules() -> list[dict[str, Any]]:
    """All alert rules."""
    read = yaml.safe_load((DEPLOY / "coordinator-rules.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard of Grafana."""
    read: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return read


def expressions() -> list[str]:
    panels = dashboard()["panels"]
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


def selectors(expression: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Names of metrics in it, and how their labels are matched."""
    bare = re.sub(r"\b(?:by|on|without) \([^)]*\)|\[\w+\]|offset \w+", " ", expression)
    for name, matchers in SELECTOR.findall(bare):
        if name not in WORDS:
            yield name, MATCHER.findall(matchers)


def test_rules_and_dashboard_ask_for_what_a_scrape_tells(samples: Samples) -> None:
    """A metric without samples just now, and a label's value, are known from the source alone."""
    told = dict(samples)
    empty = {"coordinator_oldest_due_round_timestamp_seconds", "coordinator_skipped_rows"}
    assert not empty & told.keys()
    text = (DEPLOY.parents[1] / "coordinator_pipelines/domain/health/figures.py").read_text()
    text += (DEPLOY.parents[1] / "coordinator_pipelines/api/routes/metrics.py").read_text()
    assert all(f'"{name}"' in text for name in empty)
    asked = [pair for expression in expressions() for pair in selectors(expression)]
    assert len(asked) > 40
    for name, matchers in asked:
        if name in FOREIGN or name in empty:
            continue
        assert name in told, name
        for label, how, wanted in matchers:
            values = {labels.get(label) for labels, _ in told[name]} - {None}
            assert values, f"{name} has no label {label}"
            if how == "=" and not wanted.startswith("$"):
                assert wanted in values, f"{name}{{{label}={wanted!r}}}"
    for expression in expressions():
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            [name, *_] = [n for n, _ in selectors(expression) if n not in FOREIGN]
            known = {label for labels, _ in told[name] for label in labels}
            assert {label.strip() for label in group.split(",")} <= known, expression


def test_everything_that_is_told_is_drawn_or_alarmed_about(samples: Samples) -> None:
    asked = {name for expression in expressions() for name, _ in selectors(expression)}
    parts = tuple(f"coordinator_http_request_duration_seconds{part}" for part in PARTS)
    assert {name for name in samples if name not in parts} - asked == set()


def test_rules_and_dashboard_are_whole() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))
    places = {(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard()["panels"]}
    assert len(places) == len(ids)
    scrape = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    assert scrape["rule_files"] == ["coordinator-rules.yml"]
    [job] = scrape["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("coordinator", "/metrics")
    assert job["authorization"]["type"] == "Bearer"
