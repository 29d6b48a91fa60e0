"""Sign-in, live data, streams and tables, as a person sees them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from madang.testing.running_platform import RunningPlatform

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def test_signing_in_leads_to_where_one_wanted_to_go(
    platform: RunningPlatform, browser: Browser, signed_in: dict[str, object], password: str
) -> None:
    context = browser.new_context(base_url=platform.url, locale="en-US")
    page = context.new_page()
    page.goto("/tables/lake.orders")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password", exact=True).fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Name and password do not match.")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="lake.orders")).to_be_visible()
    context.close()


def test_a_used_link_says_so(platform: RunningPlatform, browser: Browser) -> None:
    context = browser.new_context(base_url=platform.url, locale="ko-KR")
    page = context.new_page()
    page.goto("/login?code=used-long-ago")
    expect(page.get_by_role("alert")).to_contain_text("이 로그인 링크는 이제 쓸 수 없어요")
    context.close()


def test_home_shows_live_data(page: Page, platform: RunningPlatform) -> None:
    page.goto("/")
    flow = page.get_by_role("table", name="Flow")
    row = flow.get_by_role("row").filter(has_text="host_metrics").first
    expect(row).to_contain_text("/s")
    orders = flow.get_by_role("row").filter(has_text="lake.orders")
    expect(orders).to_contain_text("200 rows")
    platform.client.post("/ingest/orders", content=b'{"id": 1000, "item": "live"}')
    expect(orders).to_contain_text("201 rows", timeout=15_000)


def test_a_record_appears_in_the_tail_as_it_comes(page: Page, platform: RunningPlatform) -> None:
    page.goto("/streams/orders")
    expect(page.get_by_role("log")).to_contain_text("사과")
    platform.client.post("/ingest/orders", content='{"id": 7, "item": "방금 온 주문"}'.encode())
    line = page.get_by_role("log").get_by_role("button").filter(has_text="방금 온 주문")
    line.click()
    expect(line).to_contain_text('"item": "방금 온 주문"')


def test_dead_letters_have_a_reason_and_can_be_replayed(page: Page) -> None:
    page.goto("/streams/orders?tab=dead")
    expect(page.get_by_text('{"id": broken').first).to_be_visible()
    page.get_by_role("button", name="Replay all").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_text("1 record put into the stream again")).to_be_visible()
    # The one that was replayed is drawn back; the one that came back, broken as it is, is new.
    expect(page.get_by_text("replayed", exact=True)).to_have_count(1)


def test_a_page_that_is_none_says_so_within_the_house(page: Page) -> None:
    page.goto("/streams/order")
    page.get_by_role("alert").get_by_role("link", name="orders").click()
    expect(page.get_by_role("heading", name="orders")).to_be_visible()
    page.goto("/nowhere/at/all")
    expect(page.get_by_text("There is no page here").first).to_be_attached()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def test_a_table_shows_its_rows_and_a_drag_chooses_a_time(page: Page) -> None:
    page.goto("/tables/lake.orders")
    expect(page.get_by_role("grid")).to_contain_text("사과")
    bars = page.get_by_role("img", name="Rows over time").bounding_box()
    assert bars is not None
    middle = bars["y"] + bars["height"] / 2
    page.mouse.move(bars["x"] + bars["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(bars["x"] + bars["width"] * 0.99, middle, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"[?&]t=20\d\d-.*Z$"))


def test_a_stream_is_created_with_the_yaml_that_is_shown(
    page: Page, platform: RunningPlatform
) -> None:
    page.goto("/streams")
    page.get_by_role("button", name="Create a stream").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("clicks")
    dialog.get_by_label("Description").fill("누가 무엇을 눌렀는지")
    expect(dialog.locator("pre")).to_contain_text("description: 누가 무엇을 눌렀는지")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="clicks")).to_be_visible()
    text = (platform.project / "streams" / "clicks.yml").read_text()
    assert "누가 무엇을 눌렀는지" in text


def test_a_table_can_be_asked_as_it_was(page: Page) -> None:
    page.goto("/tables/lake.orders?tab=snapshots")
    page.get_by_role("button", name="Query as of then").last.click()
    expect(page.get_by_role("grid")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("FOR SYSTEM_VERSION AS OF")


def test_a_token_is_shown_once_and_works(page: Page, platform: RunningPlatform) -> None:
    page.goto("/settings?tab=tokens")
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("Name", exact=False).first.fill("vector on web-1")
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    token = page.get_by_role("dialog").locator("pre").first.inner_text().strip()
    assert token.startswith("mdg_")
    sent = platform.client.post(
        "/ingest/orders", content=b'{"id": 8}', headers={"Authorization": f"Bearer {token}"}
    )
    assert sent.status_code == 200
    page.get_by_role("button", name="I have kept it").click()
    row = page.get_by_role("row").filter(has_text="vector on web-1")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)


def test_keys_lead_everywhere(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("table", name="Flow")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tables")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("orders")
    # What Enter opens is marked a moment after it is found.
    expect(page.get_by_role("dialog").locator("[data-selected]")).to_contain_text("orders")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="orders").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/sql",
        "/streams",
        "/streams/orders",
        "/streams/orders?tab=spec",
        "/streams/orders?tab=dead",
        "/streams/ordres",
        "/tables/lake.orders",
        "/tables/lake.orders?tab=columns",
        "/settings",
        "/nowhere",
    ],
)
def test_axe_finds_no_serious_fault(
    browser: Browser,
    platform: RunningPlatform,
    signed_in: dict[str, object],
    path: str,
    scheme: str,
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    context = browser.new_context(
        base_url=platform.url, storage_state=signed_in, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(path)
    page.locator("main").wait_for()
    page.wait_for_load_state("networkidle") if path == "/settings" else page.locator(
        "h1, .cm-content"
    ).first.wait_for()
    page.add_script_tag(content=AXE.read_text())
    found = page.evaluate(
        """async () => (await axe.run(document, {
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'],
        }))
        .violations.filter(({impact}) => impact === 'serious' || impact === 'critical')
        .map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 200))])"""
    )
    context.close()
    assert found == []
