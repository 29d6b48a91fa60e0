"""The SQL page: asking, scrolling, drawing, downloading, sharing, cancelling."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from madang.testing.running_platform import RunningPlatform


def ask(page: Page, sql: str) -> None:
    page.goto("/sql")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(sql)
    page.keyboard.press("Control+Enter")


def test_rows_come_back_and_download_as_csv(page: Page, tmp_path: Path) -> None:
    ask(page, "SELECT id, item, price FROM lake.orders WHERE id < 200 AND price > 0 ORDER BY id")
    grid = page.get_by_role("grid")
    expect(grid).to_contain_text("사과 1")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as started:
        page.get_by_role("menuitem", name="CSV", exact=True).click()
    file = tmp_path / "answer.csv"
    started.value.save_as(file)
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 200
    assert rows[1] == {"id": "1", "item": "사과 1", "price": "1.5"}


def test_a_million_rows_scroll_to_the_last(page: Page) -> None:
    ask(page, "SELECT range AS n, 'row ' || range AS name FROM range(1000000)")
    expect(page.get_by_role("status")).to_contain_text("1M rows", timeout=30_000)
    grid = page.get_by_role("grid")
    grid.get_by_role("gridcell").first.click()
    page.keyboard.press("Control+End")
    expect(grid).to_contain_text("row 999999")
    page.keyboard.press("Control+Home")
    expect(grid.get_by_role("gridcell").first).to_have_text("0")


def test_a_million_texts_are_sorted_beside_the_page(page: Page) -> None:
    ask(page, "SELECT 'row ' || (999999 - range) AS name FROM range(1000000)")
    expect(page.get_by_role("status")).to_contain_text("1M rows", timeout=30_000)
    grid = page.get_by_role("grid")
    first = grid.get_by_role("gridcell").first
    expect(first).to_have_text("row 999999")
    page.get_by_role("columnheader", name="name").get_by_role("button").click()
    expect(first).to_have_text("row 0", timeout=30_000)
    first.click()
    page.keyboard.press("o")
    expect(first).to_have_text("row 999999", timeout=30_000)


def test_the_history_brings_its_parameters_along(page: Page) -> None:
    ask(page, "SELECT 'again ' || $word AS said")
    page.get_by_label("$word").fill("12'3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("grid")).to_contain_text("again 12'3")
    ask(page, "SELECT 1 AS other")
    page.get_by_text("History", exact=True).click()
    page.get_by_role("button", name="SELECT 'again ' || $word AS said").first.click()
    expect(page.get_by_label("$word")).to_have_value("12'3")


def test_keys_lead_out_of_the_editor(page: Page) -> None:
    page.goto("/sql")
    page.locator(".cm-content").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("separator", name="Height of the editor")).to_be_focused()


def test_a_fault_is_marked_where_it_is(page: Page) -> None:
    ask(page, "SELECT id,\n  prise\nFROM lake.orders")
    expect(page.get_by_role("alert")).to_contain_text("prise")
    expect(page.locator(".cm-lintRange-error")).to_have_text("prise")


def test_parameters_are_asked_for_and_bound(page: Page) -> None:
    ask(page, "SELECT count(*) AS n FROM lake.orders WHERE item = $item")
    expect(page.get_by_text("Needs a value")).to_be_visible()
    page.get_by_label("$item").fill("사과 1'; DROP TABLE orders; --")
    page.keyboard.press("Enter")
    expect(page.get_by_role("gridcell").first).to_have_text("0")
    page.get_by_label("$item").fill("사과 0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("gridcell").first).to_have_text("67")


def test_a_chart_is_drawn(page: Page) -> None:
    ask(page, "SELECT item, avg(price) AS price FROM lake.orders GROUP BY item ORDER BY item")
    expect(page.get_by_role("grid")).to_be_visible()
    page.get_by_text("Chart", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("Chart of price over item"))).to_be_visible()
    assert "view=chart" in page.url


def test_a_link_shows_a_colleague_the_same(
    page: Page, browser: Browser, platform: RunningPlatform, signed_in: dict[str, object]
) -> None:
    ask(page, "SELECT 'shared' || count(*) AS word FROM lake.orders WHERE id = 5")
    expect(page.get_by_role("grid")).to_contain_text("shared1")
    link = page.url
    assert "q=" in link
    context = browser.new_context(base_url=platform.url, locale="ko-KR", storage_state=signed_in)
    other = context.new_page()
    other.goto(link)
    expect(other.get_by_role("grid")).to_contain_text("shared1")
    context.close()


def test_a_running_query_is_cancelled(page: Page, platform: RunningPlatform) -> None:
    ask(
        page,
        "SELECT count(*) FROM range(10000000) a, range(10000) b WHERE a.range % 7 = b.range % 5",
    )
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()

    def over() -> bool:
        listed = platform.client.get("/api/queries").json()["queries"]
        return all(query["state"] != "running" for query in listed)

    platform.wait_for(over)


def test_columns_of_the_named_table_are_completed(page: Page) -> None:
    page.goto("/sql")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT pri FROM lake.orders ")
    for _ in range(len(" FROM lake.orders ")):
        page.keyboard.press("ArrowLeft")
    deadline = time.monotonic() + 10
    # The catalog may arrive after the first letters: completion is asked for until it is there.
    while page.get_by_role("option", name=re.compile("^price")).count() == 0:
        assert time.monotonic() < deadline
        page.keyboard.press("Control+Space")
        page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_contain_text("SELECT price FROM")
