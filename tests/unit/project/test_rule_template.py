"""Templates of rules: whatever stands in them, there is an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.project.rule_template import template_flaw

PIECES = [
    "{{", "}}", "{{-", "-}}", " ", "\n", "$x", "$value", ":=", "=", '"a"', "`", "'", '"', "if",
    "end", "else", "range", "with", "define", "block", "template", "(", ")", "|", ",", ".", ".A",
    "1", "break", "/*", "*/", "title", "nil", "true", "\\", "가",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_text_has_an_answer(pieces):
    flaw = template_flaw("".join(pieces))
    assert flaw is None or flaw


@given(st.text())
def test_text_without_actions_is_a_template(text):
    assert template_flaw(text.replace("{{", "{")) is None


@pytest.mark.parametrize(
    "text",
    [
        "{{ if and (gt $value 1.0) (lt $value 2.0) }}a{{ else if true }}b{{ end }}",
        "{{ range $k, $v := $labels }}{{ $k }}={{ $v }}{{ end }}",
        "{{ with $x := first (query `up`) }}{{ $x.Value }}{{ end }}",
        '{{- /* why */ -}} {{ "}}" }}',
        '{{ range query "up" }}{{ if true }}{{ continue }}{{ end }}{{ break }}{{ end }}',
        '{{ $labels.instance | reReplaceAll "(.*):.*" "$1" | printf "%s" }}',
    ],
)
def test_good_ones(text):
    assert template_flaw(text) is None
