"""What an operator sees and does in the Dagster UI, in a real browser."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UserInterface

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dagster_ui")]  # one stack for all

STAGES = (
    "feed_records", "prediction_batch", "ground_truth", "scores", "model_scores", "leaderboard",
)  # fmt: skip
GROUP = "/locations/btc-up-down/asset-groups/btc_up_down"
LAST = "2026-11-01-23:00"
FURTHER = ("2026-11-02-00:00", "2026-11-02-01:00")
RED = "2025-06-01-04:00"
GREEN = ("2025-06-01-02:00", "2025-06-01-03:00", "2025-06-01-05:00", "2025-06-01-06:00")


def open_partition(page: Page, asset: str, partition: str) -> None:
    page.goto(f"/assets/btc_up_down/{asset}?view=partitions&partition={partition}")
    expect(page.get_by_text("Latest materialization")).to_be_visible()


def as_of(hour: int) -> int:
    """The end of one of the further windows, in microseconds as SQLite has it."""
    return int(datetime(2026, 11, 2, hour, tzinfo=UTC).timestamp()) * 1_000_000


def show(page: Page, name: str) -> None:
    """Open the metadata of a name that is too long to be shown in place."""
    row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
    row.get_by_text("[Show Markdown]").click()


def test_the_graph_shows_the_six_assets(page: Page) -> None:
    page.goto(GROUP)
    for stage in STAGES:
        expect(page.get_by_text(stage, exact=True).first).to_be_visible()


def test_a_partition_shows_its_leaderboard(page: Page) -> None:
    open_partition(page, "leaderboard", LAST)
    table = (
        page.get_by_role("table").filter(has_text="why unranked").last
    )  # within that of metadata
    expect(table.get_by_role("row")).to_have_count(10)
    expect(table).to_contain_text("Volatility density")
    expect(table).to_contain_text("left 2026-11-02 00:00 UTC")


def test_the_prices_are_labelled_as_simulated(page: Page) -> None:
    page.goto("/assets/btc_up_down/feed_records")
    expect(page.get_by_text("SIMULATED PRICES").first).to_be_visible()


@pytest.mark.parametrize(
    ("asset", "name"), [("scores", "calibration"), ("model_scores", "score over time")]
)
def test_a_plot_is_drawn(page: Page, asset: str, name: str) -> None:
    open_partition(page, asset, LAST)
    show(page, name)
    image = page.get_by_role("dialog").locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.complete && image.naturalWidth") > 100


@pytest.mark.parametrize(
    ("asset", "check", "told"),
    [
        ("feed_records", "feed_gaps", "2025-06-01 04:20 to 04:31 UTC (12 minutes)"),
        ("ground_truth", "truth_finality", "2025-06-01 04:20"),
    ],
)
def test_the_check_of_exactly_the_outage_is_red_and_names_the_minutes(
    page: Page, asset: str, check: str, told: str
) -> None:
    page.goto(f"/assets/btc_up_down_outage/{asset}?view=checks")
    page.get_by_text(check, exact=True).first.click()
    page.get_by_role("tab", name="Partitions").nth(1).click()  # the first one is the asset's
    expect(page.get_by_text("Select a partition to view details")).to_be_visible()
    for partition in (RED, *GREEN):
        # The first one may be the end of the range.
        page.get_by_text(partition, exact=True).locator("visible=true").last.click()
        shown = page.get_by_text("Latest execution").locator("xpath=ancestor::*[4]")
        expect(shown).to_contain_text(partition)
        expect(shown).to_contain_text("Failed" if partition == RED else "Passed")
        if partition == RED:
            expect(shown).to_contain_text(told)


def test_a_backfill_is_launched_by_clicking_and_succeeds(page: Page, ui: UserInterface) -> None:
    ends = {as_of(hour) for hour in (1, 2)}
    assert not ends & {board[0] for board in ui.commands.boards("replay")}
    page.goto(GROUP)
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    selection = dialog.get_by_placeholder("No matching partitions")
    selection.fill(f"[{FURTHER[0]}...{FURTHER[1]}]")
    selection.press("Enter")
    expect(dialog).to_contain_text("2 partitions")
    dialog.get_by_role("button", name="Launch backfill").click()
    expect(dialog).not_to_be_visible()
    page.goto("/runs?view=backfills")
    expect(page.get_by_text("2 partitions", exact=True)).to_be_visible()
    # This one and those of the two demos. The daemon looks for backfills every half a minute.
    expect(page.get_by_text("Success", exact=True)).to_have_count(3, timeout=180_000)
    assert ends < {board[0] for board in ui.commands.boards("replay")}
    for partition in FURTHER:
        open_partition(page, "leaderboard", partition)
