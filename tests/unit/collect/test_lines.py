from hypothesis import given
from hypothesis import strategies as st

from madang.collect.lines import split_lines

PIECES = st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r\n", b"\r", b"\xff", b"\0", b" "]))


@given(PIECES)
def test_lines_are_those_of_the_text_without_blank_ones(pieces):
    text = b"".join(pieces)
    expected = [line[:-1] if line.endswith(b"\r") else line for line in text.split(b"\n")]
    assert split_lines(text).to_pylist() == [line for line in expected if line]


@given(PIECES)
def test_blank_lines_stay_on_request(pieces):
    text = b"".join(pieces)
    expected = [line[:-1] if line.endswith(b"\r") else line for line in text.split(b"\n")]
    if text.endswith(b"\n") or not text:
        expected.pop()
    assert split_lines(text, keep_blank=True).to_pylist() == expected
