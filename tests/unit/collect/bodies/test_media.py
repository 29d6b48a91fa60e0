import pytest

from madang.collect.bodies import ContentFormat, UnsupportedMediaError, detect_media
from madang.collect.bodies.media import to_utf8
from madang.core.errors import InvalidInputError
from madang.project import RecordFormat


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("application/x-ndjson", "ndjson"),
        ("Application/JSON; charset=UTF-8", "json"),
        ("application/vnd.api+json", "json"),
        ("text/csv; header=present", "csv"),
        ("text/plain", "plain"),
        ("application/vnd.apache.arrow.stream", "arrow"),
    ],
)
def test_the_header_tells(told, expected):
    assert detect_media(told).format == expected


@pytest.mark.parametrize("told", [None, "", "application/octet-stream"])
@pytest.mark.parametrize(
    ("head", "stream", "expected"),
    [
        (b' \n{"a":1}\n', RecordFormat.JSON, "json"),
        (b"[1]", RecordFormat.JSON, "json"),
        (b"\xef\xbb\xbf[1]", RecordFormat.JSON, "json"),
        (b"ARROW1\0\0", RecordFormat.JSON, "arrow"),
        (b"\xff\xff\xff\xff\x10", RecordFormat.JSON, "arrow"),
        (b"a,b\n", RecordFormat.CSV, "csv"),
        (b"<13>Nov 21", RecordFormat.SYSLOG, "plain"),
    ],
)
def test_first_bytes_tell_where_the_client_does_not(told, head, stream, expected):
    assert detect_media(told, head=head, stream_format=stream).format == expected


def test_the_parameter_wins():
    assert detect_media("text/plain", requested="NDJSON").format is ContentFormat.NDJSON


def test_an_unknown_parameter_gets_its_near_match():
    with pytest.raises(InvalidInputError, match="ndjson"):
        detect_media(None, requested="ndjsn")


@pytest.mark.parametrize(
    "told", ["image/png", "text/plain; charset=klingon", "text/csv;charset=zip"]
)
def test_what_cannot_be_read_is_refused(told):
    with pytest.raises(UnsupportedMediaError):
        detect_media(told)


@pytest.mark.parametrize("charset", ["euc-kr", "cp949", "utf-16"])
def test_text_becomes_utf8(charset):
    media = detect_media(f"text/plain; charset={charset}")
    assert bytes(to_utf8("마당".encode(charset), media.charset)) == "마당".encode()


def test_a_mark_wins_over_the_charset():
    assert bytes(to_utf8("a".encode("utf-16"), "utf-8")) == b"a"
    assert bytes(to_utf8(b"\xef\xbb\xbfa", "utf-8")) == b"a"


def test_text_that_is_not_its_charset_is_refused():
    with pytest.raises(InvalidInputError, match="not utf-16"):
        to_utf8(b"\x81", "utf-16-le")
