"""A real platform and a real browser for the tests of the UI."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from madang.testing.running_platform import RunningPlatform, write_project

ROOT = Path(__file__).parents[2]
UI = ROOT / "src" / "madang" / "server" / "ui" / "index.html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform that collects this machine and has some orders, one of them broken."""
    if not UI.exists():
        pytest.skip("the UI is not built: make ui")
    base = tmp_path_factory.mktemp("e2e")
    project = write_project(
        base / "project",
        {
            "madang.yml": "name: courtyard\n",
            "streams/orders.yml": "description: 주문\ndeliver:\n  buffer_time: 300ms\n",
            "streams/host_metrics.yml": "format: typed\n",
            "sources/host.yml": "kind: host\nstream: host_metrics\ninterval: 1s\n",
        },
    )
    with RunningPlatform(project, base / "data") as running:
        lines = [f'{{"id": {n}, "item": "사과 {n % 3}", "price": {n}.5}}' for n in range(200)]
        sent = running.client.post(
            "/ingest/orders",
            content="\n".join([*lines, '{"id": broken']).encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )
        assert sent.status_code == 200, sent.text
        running.wait_for(lambda: running.delivered("orders"))
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from the system; skipped, visibly, where there is none."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def password() -> str:
    """The admin's, once set."""
    return "a courtyard of one's own"


@pytest.fixture(scope="session")
def signed_in(platform: RunningPlatform, browser: Browser, password: str) -> dict[str, object]:
    """The state of a browser that came in by the one-time link and set a password."""
    link = re.search(r"http://\S+/login\?code=\S+", platform.output.read_text())
    assert link is not None, platform.output.read_text()
    context = browser.new_context(base_url=platform.url, locale="en-US")
    page = context.new_page()
    page.goto(link[0])
    page.get_by_role("link", name="Set a password").click()
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password again").fill(password)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Password saved").wait_for()
    state: dict[str, object] = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def page(
    platform: RunningPlatform, browser: Browser, signed_in: dict[str, object]
) -> Iterator[Page]:
    """A signed-in page; a script's error, or one of the content policy, fails the test."""
    context = browser.new_context(
        base_url=platform.url, locale="en-US", storage_state=signed_in, accept_downloads=True
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "console",
        lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None,
    )
    yield opened
    context.close()
    assert faults == []
