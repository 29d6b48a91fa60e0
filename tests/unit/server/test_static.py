from __future__ import annotations

import gzip

import pytest


@pytest.fixture(scope="module")
def ui(server, tmp_path_factory):
    """A built UI, put where the server looks for one."""
    folder = server.ui
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>UI</title>")
    (folder / "assets" / "app-abc123.js").write_text("plain")
    (folder / "assets" / "app-abc123.js.gz").write_bytes(gzip.compress(b"plain"))
    (folder / "assets" / "font-1.woff2").write_bytes(b"font")
    (folder.parent / "secret.txt").write_text("hidden words")
    (folder / "assets" / "link.txt").symlink_to(folder.parent / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def client(server, ui):
    with server.client() as opened:
        yield opened


@pytest.mark.parametrize(
    "path", ["/", "/sql", "/streams/orders?tab=tail", "/signin", "/index.html"]
)
def test_every_page_is_the_first_one(client, path):
    answer = client.get(path)
    assert answer.text == "<!doctype html><title>UI</title>"
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_assets_stay_for_ever_and_come_packed(client):
    answer = client.get("/assets/app-abc123.js")
    assert answer.text == "plain"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]
    plain = client.get("/assets/app-abc123.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert client.get("/assets/font-1.woff2").headers["Content-Type"] == "font/woff2"


def test_unchanged_files_are_not_sent_again(client):
    first = client.get("/")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/", headers=known).status_code == 304
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert client.get("/", headers=since).status_code == 304
    assert client.get("/", headers={"If-Modified-Since": "nonsense"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/assets/missing.js",
        "/assets/link.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%00",
        "/api/nothing",
        "/ingest",
    ],
)
def test_what_is_no_page(client, path):
    answer = client.get(path)
    assert "hidden words" not in answer.text
    if path != "/ingest":
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd"]
)
def test_nothing_outside_the_folder(client, path):
    answer = client.get(path)
    assert "hidden words" not in answer.text
    assert "root:" not in answer.text


def test_posting_to_a_page_is_404_and_wrong_methods_are_405(client):
    assert client.post("/sql").status_code == 404
    answer = client.post("/api/overview")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"


def test_without_a_ui_a_page_says_how_to_build_it(world):
    world.serve()
    with world.client() as client:
        answer = client.get("/")
    assert answer.status_code == 200
    assert "make run" in answer.text
