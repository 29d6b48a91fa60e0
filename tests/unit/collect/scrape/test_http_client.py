"""Fetching from real servers: those that behave, and those that do not."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
import time
import zlib

import pytest

from madang.collect.scrape.http_client import HttpClient
from madang.core.errors import InvalidInputError, MadangError, TooLargeError, UnavailableError
from madang.project.discovery_spec import HttpSdSpec

PAGE = b"up 1\n" * 1000


def get(url: str, *, times: int = 1, most_bytes: int = 0, timeout_s: float = 5, **settings):
    async def run():
        client = HttpClient(HttpSdSpec.model_validate({"url": "http://a", **settings}))
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(times):
                    response = await client.get(url, {"Accept-Encoding": "gzip"}, most_bytes)
                return response
        finally:
            client.close()

    return asyncio.run(run())


async def plain(request):
    await request.page(PAGE)


def test_a_connection_is_kept(serve):
    server = serve(plain)
    assert get(server.url, times=3).body == PAGE
    assert [one.connection for one in server.requests] == [1, 1, 1]


def test_a_connection_that_the_server_ended_is_made_anew(serve):
    async def once(request):
        await request.page(PAGE)
        request.writer.close()

    server = serve(once)
    assert get(server.url, times=3).body == PAGE
    assert [one.connection for one in server.requests] == [1, 2, 3]


def test_gzip_chunks_and_several_members(serve):
    packed = gzip.compress(PAGE) + gzip.compress(b"end 1\n")

    async def answer(request):
        await request.send(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for at in range(0, len(packed), 7):
            part = packed[at : at + 7]
            await request.send(b"%x\r\n%b\r\n" % (len(part), part))
        await request.send(b"0\r\n\r\n")

    assert get(serve(answer).url, times=2).body == PAGE + b"end 1\n"


def test_a_byte_a_chunk(serve):
    async def answer(request):
        await request.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await request.send(b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n")

    assert get(serve(answer).url).body == b"x" * 200_000


def test_a_body_without_a_length_ends_with_the_connection(serve):
    async def answer(request):
        await request.send(b"HTTP/1.0 200 OK\r\n\r\n", PAGE)
        request.writer.close()

    assert get(serve(answer).url, times=2).body == PAGE


def test_an_early_answer_before_the_answer(serve):
    async def answer(request):
        await request.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        await request.page(PAGE)

    assert get(serve(answer).url, times=2).body == PAGE


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "ended before the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "ended before"),
        (b"", "ended before"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "is not HTTP"),
        (b"SSH-2.0-OpenSSH_9\r\n", "is not HTTP"),
        (b"\x16\x03\x01\x02\x00\x01", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000, "headers are longer"),
        (b"HTTP/1.1 100 C\r\n\r\n" * 10_000, "headers are longer"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"),
        (b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", "answers 799"),
        (b"HTTP/1.1 204 No\r\n\r\n", "204 No Content"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "as 'br'"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "not gzip"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n"
         + gzip.compress(PAGE, mtime=0)[:30], "middle of its gzip"),
        (b"HTTP/1.1 302 F\r\nLocation: ftp://a/b\r\nContent-Length: 0\r\n\r\n", "no HTTP address"),
        (b"HTTP/1.1 302 F\r\nLocation: http://a:b/\r\nContent-Length: 0\r\n\r\n", "no address"),
        (b"HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n", "302 Found"),
    ],
)  # fmt: skip
def test_answers_that_are_no_page(serve, answer, said):
    async def send(request):
        await request.send(answer)
        request.writer.close()

    with pytest.raises(MadangError, match=said):
        get(serve(send).url)


def test_a_server_that_hangs_is_left(serve):
    async def hang(request):
        await request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
        await asyncio.sleep(60)

    server = serve(hang)
    with pytest.raises(TimeoutError):
        get(server.url, timeout_s=0.2)


def test_a_server_that_drips_is_left(serve):
    async def drip(request):
        await request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while True:
            await request.send(b"a")
            await asyncio.sleep(0.01)

    with pytest.raises(TimeoutError):
        get(serve(drip).url, timeout_s=0.2)


def test_redirects_in_a_loop_end(serve):
    async def loop(request):
        await request.page(b"", "Location: /again", status="302 Found")

    server = serve(loop)
    with pytest.raises(InvalidInputError, match="more than 10 redirects"):
        get(server.url)
    assert len(server.requests) == 11


def test_redirects_are_followed_or_not(serve):
    async def there(request):
        if request.target == "/metrics":
            await request.page(b"", "Location: ../there?a=b c", status="301 Moved")
        else:
            await request.page(request.target.encode())

    server = serve(there)
    assert get(server.url).body == b"/there?a=b%20c"
    with pytest.raises(UnavailableError, match="301 Moved Permanently"):
        get(server.url, follow_redirects=False)


def test_credentials_stay_with_the_server_they_are_for(serve, tmp_path):
    other = serve(plain)

    async def away(request):
        await request.page(b"", f"Location: {other.url}", status="307 T")

    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    server = serve(away)
    get(server.url, authorization={"credentials_file": str(secret)})
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert "authorization" not in other.requests[0].headers
    get(serve(plain).url, basic_auth={"username": "me", "password": "비밀"})
    secret.unlink()
    with pytest.raises(UnavailableError, match="cannot be read: it does not exist"):
        get(server.url, bearer_token_file=str(secret))


def test_a_secret_with_a_line_end_is_no_way_to_add_headers(serve):
    with pytest.raises(InvalidInputError, match="line end"):
        get(serve(plain).url, authorization={"credentials": "a\r\nX: y"})


def test_a_hundred_megabytes_end_at_the_limit(serve):
    sent = 0

    async def much(request):
        nonlocal sent
        await request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        while True:
            await request.send(b"x" * 65_536)
            sent += 65_536

    with pytest.raises(TooLargeError, match=r"larger than 1\.0 MiB"):
        get(serve(much).url, most_bytes=2**20)
    assert sent < 50 * 2**20


def test_a_gzip_bomb_ends_at_the_limit(serve):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(140)) + packer.flush()

    async def answer(request):
        await request.page(bomb, "Content-Encoding: gzip")

    began_s = time.perf_counter()
    with pytest.raises(TooLargeError, match="128"):
        get(serve(answer).url)
    assert time.perf_counter() - began_s < 3


def test_nobody_answers():
    with pytest.raises(UnavailableError, match="reached: connection refused"):
        get("http://127.0.0.1:1/")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        get("http://no.such.host.invalid/")


def test_a_proxy_is_gone_through(serve):
    async def answer(request):
        await request.page(f"{request.method} {request.target}".encode())

    proxy = serve(answer)
    found = get("http://elsewhere.invalid/a?b=c", proxy_url=f"http://me:x%40@{proxy.address}")
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6eEA="
    assert found.body == b"GET http://elsewhere.invalid/a?b=c"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl on this machine")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=there", "-addext", "subjectAltName=DNS:there",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def tls_server(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "cert.pem")
    return context


def test_tls(serve, certificate):
    server = serve(plain, tls=tls_server(certificate))
    ca = {"ca_file": str(certificate / "cert.pem")}
    assert get(server.url, times=2, tls_config={**ca, "server_name": "there"}).body == PAGE
    assert get(server.url, tls_config={"insecure_skip_verify": True}).body == PAGE
    for refused in ({}, ca, {"server_name": "there"}):
        with pytest.raises(UnavailableError, match="is not trusted"):
            get(server.url, tls_config=refused)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        get(server.url, tls_config={"ca_file": "/no/such/file"})


def test_a_client_certificate(serve, certificate):
    context = tls_server(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    server = serve(plain, tls=context)
    pem = {name: (certificate / f"{name}.pem").read_text() for name in ("cert", "key")}
    assert get(server.url, tls_config={"insecure_skip_verify": True, **pem}).body == PAGE
    with pytest.raises(UnavailableError):
        get(server.url, tls_config={"insecure_skip_verify": True})


def test_tls_through_a_proxy(serve, certificate):
    server = serve(plain, tls=tls_server(certificate))

    async def tunnel(request):
        assert request.method == "CONNECT"
        host, port = request.target.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await request.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = asyncio.create_task(copy(reader, request.writer))
        await copy(request.reader, writer)
        writer.close()
        await back

    async def copy(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()

    proxy = serve(tunnel)
    settings = {"tls_config": {"insecure_skip_verify": True}}
    found = get(server.url, times=2, proxy_url=f"http://{proxy.address}", **settings)
    assert found.body == PAGE
    assert len(proxy.requests) == 1
