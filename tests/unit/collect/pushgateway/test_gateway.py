"""What pushes do to groups, and what is refused."""

from __future__ import annotations

import math

import pytest

from madang.collect.pushgateway import InconsistentPushError
from madang.collect.pushgateway.listing import family_metadata
from madang.collect.pushgateway.messages import family_class
from madang.core.errors import InvalidInputError, TooLargeError
from madang.project.metrics_spec import PushgatewaySpec
from pushing import PROTOBUF, delimited, pushing


def refused(gate, path: str, body, **headers) -> str:
    with pytest.raises(InconsistentPushError) as caught:
        gate.push(path, body, **headers)
    return caught.value.message


def test_labels_of_the_group_win_and_the_instance_is_empty(gate):
    gate.push("job/j/a/1", 'm{a="2",b="3",job="x"} 1\nn{instance="i"} 2\n')
    assert gate.lines() == {
        'm{a="1",b="3",instance="",job="j"} 1',
        'n{a="1",instance="i",job="j"} 2',
    }


def test_post_replaces_families_put_the_group(gate):
    gate.push("job/j", 'a{x="1"} 1\na{x="2"} 2\nb 3\n')
    gate.push("job/j", 'a{x="3"} 4\n')
    assert gate.lines() == {'a{instance="",job="j",x="3"} 4', 'b{instance="",job="j"} 3'}
    gate.put("job/j", "c 5\n")
    assert gate.lines() == {'c{instance="",job="j"} 5'}
    gate.put("job/j", "")
    assert gate.lines() == set()
    assert 'push_time_seconds{instance="",job="j"} 1.767225604e+09' in gate.page()


def test_an_empty_post_only_says_that_there_was_one(gate):
    gate.push("job/j", "a 1\n")
    gate.push("job/j", "")
    assert gate.lines() == {'a{instance="",job="j"} 1'}
    assert 'push_time_seconds{instance="",job="j"} 1.767225602e+09' in gate.page()


def test_deleting_takes_one_group_only(gate):
    gate.push("job/j", "a 1\n")
    gate.push("job/j/instance/i", "a 2\n")
    gate.delete("job/j")
    gate.delete("job/nobody")
    assert gate.lines() == {'a{instance="i",job="j"} 2'}
    gate.gateway.delete(None).result(10)
    assert gate.page() == ""


def test_the_page_is_sorted_and_says_types_and_helps(gate):
    gate.push("job/b", '# TYPE h histogram\n# HELP h old\nh_bucket{le="0.5"} 1\nh_count 2\n')
    gate.push("job/a", "# TYPE h histogram\n# HELP h a\\nb\nh_count 1\nh_sum NaN\n")
    gate.push("job/a", '# TYPE s summary\ns{quantile="0.5"} 1e30\ns_sum 3\ns_count 4\n')
    page = gate.page()
    assert page[: page.index("# HELP push")] == (
        "# HELP h a\\nb\n# TYPE h histogram\n"
        'h_bucket{instance="",job="a",le="+Inf"} 1\n'
        'h_sum{instance="",job="a"} NaN\n'
        'h_count{instance="",job="a"} 1\n'
        'h_bucket{instance="",job="b",le="0.5"} 1\n'
        'h_bucket{instance="",job="b",le="+Inf"} 2\n'
        'h_sum{instance="",job="b"} 0\n'
        'h_count{instance="",job="b"} 2\n'
    )
    assert page.endswith(
        '# TYPE s summary\ns{instance="",job="a",quantile="0.5"} 1e+30\n'
        's_sum{instance="",job="a"} 3\ns_count{instance="",job="a"} 4\n'
    )
    assert (
        "# HELP push_failure_time_seconds Last Unix time when changing this group in the "
        "Pushgateway failed.\n# TYPE push_failure_time_seconds gauge\n"
        'push_failure_time_seconds{instance="",job="a"} 0\n'
    ) in page


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a 1 123\n", "pushed metrics must not have timestamps"),
        ("a 1\na 2\n", "was collected before with the same name and label values"),
        ('a{job="x"} 1\na{job="y"} 2\n', "was collected before"),
        ('a{__b="c"} 1\n', "has a label with an invalid name: __b"),
        ("# TYPE a counter\na 1\n", "has type COUNTER but should have GAUGE"),
        ("# TYPE h histogram\nh_sum 1\nh_count{a=\"b\"} 1\n", "collides"),
        ("# TYPE s summary\ns_sum 1\n", "collides"),
        ("t_bucket 1\n", 'named "t_bucket" collides'),
        ("u_sum 1\n", 'named "u_sum" collides'),
        ('# TYPE a gauge\na{instance="i"} 2\n', "was collected before"),
        ("# TYPE push_time_seconds counter\npush_time_seconds 1 2\n", "timestamps"),
    ],
)  # fmt: skip
def test_what_is_inconsistent_is_refused_and_noted(gate, body, said):
    gate.push("job/j/instance/i", "# TYPE a gauge\na 1\nh_count 1\ns_count 1\n")
    gate.push("job/k", "# TYPE t histogram\nt_sum 1\n# TYPE u summary\nu_sum 1\n")
    before = gate.lines()
    assert said in refused(gate, "job/j", body)
    assert gate.lines() == before
    assert 'push_time_seconds{instance="",job="j"} 0\n' in gate.page()
    assert 'push_failure_time_seconds{instance="",job="j"} 1.767225603e+09\n' in gate.page()
    assert not gate.group("job/j").last_push_succeeded
    gate.push("job/j", "fine 1\n")
    assert 'push_failure_time_seconds{instance="",job="j"} 1.767225603e+09\n' in gate.page()
    assert gate.group("job/j").last_push_succeeded


def test_a_body_that_cannot_be_read_leaves_no_trace(gate):
    with pytest.raises(InvalidInputError, match="text format parsing error in line 1"):
        gate.push("job/j", "a one\n")
    assert gate.page() == ""


def test_a_type_may_change_with_the_last_group_of_its_name(gate):
    gate.push("job/j", "# TYPE a counter\na 1\n")
    gate.push("job/j", "# TYPE a gauge\na 1\n")
    gate.push("job/k", "# TYPE a gauge\na 1\n")
    refused(gate, "job/k", "# TYPE a counter\na 1\n")
    gate.delete("job/j")
    gate.push("job/k", "# TYPE a counter\na 1\n")
    gate.put("job/k", "b 1\n")
    gate.push("job/j", '# TYPE a histogram\na_bucket{le="1"} 1\na_count 1\n')
    refused(gate, "job/k", "a_count 1\n")


def test_own_times_that_are_pushed_are_not_taken(gate):
    gate.push("job/j", "push_time_seconds 1\npush_failure_time_seconds 2\na 1\n")
    gate.push("job/j", "# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 2\n")
    assert 'push_failure_time_seconds{instance="",job="j"} 0\n' in gate.page()


def test_protobuf_is_kept_whole(gate):
    kind = family_class()
    native = kind(name=b"n", type=4)
    histogram = native.metric.add().histogram
    histogram.sample_count, histogram.sample_sum, histogram.zero_threshold = 3, 1.5, 0.1
    histogram.positive_span.append(b"\x08\x00\x10\x01")
    histogram.MergeFromString(bytes([13 << 3 | 2, 1, 6]))  # a delta, of which we know nothing
    empty = kind(name=b"none", type=1)
    gauge = kind(name=b"g", type=1, help=b"")
    gauge.metric.add().gauge.value = math.nan
    again = kind(name=b"g", type=1, help=b"")
    again.metric.add().gauge.value = 2
    gate.push("job/j", delimited(native, empty, gauge, again), content_type=PROTOBUF)
    assert '# HELP g \n# TYPE g gauge\ng{instance="",job="j"} 2\n' in gate.page()
    page, families = gate.gateway.page(protobuf=True), []
    while page:
        families.append(kind.FromString(page[1 : 1 + page[0]]))
        page = page[1 + page[0] :]
    kept = {family.name: family for family in families}[b"n"].metric[0]
    assert [(one.name, one.value) for one in kept.label] == [(b"instance", b""), (b"job", b"j")]
    assert kept.histogram.SerializeToString() == histogram.SerializeToString()
    series = gate.group("job/j").families[b"n"].series
    assert list(series.histograms) == [series.labels.index(b"__name__\xffn\xffjob\xffj")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda family: family.metric[0].ClearField("gauge"), "is not a Gauge"),
        (lambda family: setattr(family, "type", 9), "unknown type 9"),
        (lambda family: setattr(family, "name", b"a-b"), "invalid name"),
        (lambda family: setattr(family, "name", b""), "invalid name"),
        (lambda family: family.metric[0].label.add(name=b"x"), "two or more labels"),
        (lambda family: family.metric[0].label.add(name=b"", value=b"y"), "invalid name"),
        (lambda family: family.metric[0].label.add(name=b"y", value=b"\xff"), "not utf8"),
        (lambda family: setattr(family.metric[0], "timestamp_ms", 0), "timestamps"),
    ],
)
def test_messages_that_cannot_be_metrics_are_refused(gate, change, said):
    family = family_class()(name=b"g", type=1)
    metric = family.metric.add()
    metric.gauge.value = 1
    metric.label.add(name=b"x", value=b"")
    change(family)
    assert said in refused(gate, "job/j", delimited(family), content_type=PROTOBUF)


@pytest.mark.parametrize("body", [b"\x05\x0a", b"\xff", b"\x02\x0a\x05", b"\x80" * 11])
def test_broken_messages_are_refused(gate, body):
    with pytest.raises(InvalidInputError):
        gate.push("job/j", body, content_type=PROTOBUF)
    assert gate.page() == ""


def test_reserved_labels_of_lines_that_belong_together(gate):
    summary = family_class()(name=b"s", type=2)
    metric = summary.metric.add()
    metric.summary.sample_count = 1
    metric.label.add(name=b"quantile", value=b"x")
    body = delimited(summary)
    assert 'explicit "quantile" label' in refused(gate, "job/j", body, content_type=PROTOBUF)
    refused(gate, "job/j/quantile/x", "# TYPE s summary\ns_sum 1\n")


def test_packed_bodies(gate):
    import gzip

    import zstandard

    from madang.collect.pushgateway.snappy_frames import pack_frames
    from madang.collect.remote_write.snappy import pack

    body = b"".join(b'm{n="%d"} 1\n' % n for n in range(5000))
    for n, (encoding, packed) in enumerate(
        {
            "gzip": gzip.compress(body),
            "GZIP": gzip.compress(body),
            "snappy": pack_frames(body),
            "zstd": zstandard.compress(body),
        }.items()
    ):
        gate.push(f"job/j{n}", packed, content_encoding=encoding)
        assert len(gate.group(f"job/j{n}").families[b"m"].metrics) == 5000
        with pytest.raises(TooLargeError):
            gate.push("job/x", packed, content_encoding=encoding, limit_bytes=len(packed) + 1000)
        with pytest.raises(InvalidInputError):
            gate.push("job/x", packed[:-9], content_encoding=encoding)
        with pytest.raises(InvalidInputError):
            gate.push("job/x", b"m 1\n", content_encoding=encoding)
    with pytest.raises(InvalidInputError):
        gate.push("job/x", pack(body), content_encoding="snappy")


def test_names_of_any_signs(tmp_path):
    with pushing(tmp_path, PushgatewaySpec(utf8_names=True)) as gate:
        gate.push("job/j", '{"a.b","c d"="e"} 1\n')
        assert gate.lines() == {'{"a.b","c d"="e",instance="",job="j"} 1'}


def test_thousands_of_groups_cost_what_they_hold(gate):
    futures = []
    for n in range(1500):
        push, _ = gate.gateway.read({"job": "j", "n": str(n)}, [b"m 1\n"], replaces=True)
        futures.append(gate.gateway.push(push))
        if n % 500 == 499:
            assert [future.result(30) for future in futures[-500:]] == [None] * 500
    assert len(gate.lines()) == 1500


def test_what_a_push_says_of_families(gate):
    body = b"# TYPE a counter\n# HELP a b\na 1\nc 2\n# TYPE d histogram\nd_sum 1\n"
    push, _ = gate.gateway.read({"job": "j"}, [body], replaces=False)
    found = [(one.family, one.type, one.help) for one in family_metadata(push)]
    assert found == [("a", "counter", "b"), ("c", "unknown", ""), ("d", "histogram", "")]
    refused_push, _ = gate.gateway.read({"job": "j"}, [b"a 1 1\n"], replaces=False)
    assert family_metadata(refused_push) == []


def test_a_body_of_too_many_lines_is_refused(gate):
    with pytest.raises(TooLargeError, match="250001 lines"):
        gate.push("job/j", b"\n" * 250_001)
