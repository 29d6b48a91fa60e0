"""Pages for other servers: what is on them, and how names are written."""

import numpy as np
import pytest

from madang.core.clock import ManualClock
from madang.core.samples import STALE_NAN
from madang.metrics.api.api import PrometheusApi
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.memory import MemoryStorage, labels_from

NOW_MS = 1_000_000_000
ANY = "text/plain;version=1.0.0; escaping=allow-utf-8;q=0.5"


@pytest.fixture(scope="module")
def api():
    storage = MemoryStorage()

    def add(at_ms, values, histograms=None, **labels):
        times = np.array(at_ms)
        storage.append(labels_from(labels), times, np.array(values, np.float64), histograms)

    add([NOW_MS - 400_000, NOW_MS - 5], [1.0, 2e6], __name__="up", instance='a"\\\n')
    add([NOW_MS - 301_000], [1.0], __name__="up", instance="old")
    add([NOW_MS - 10, NOW_MS - 5], [1.0, STALE_NAN], __name__="up", instance="ended")
    add([NOW_MS + 5], [1.0], __name__="up", instance="later")
    add([NOW_MS - 5], [1.0], __name__="up", region="busan")
    add([NOW_MS - 5], [1.0], name="none")
    add([NOW_MS], [0.5], [b"histogram"], __name__="native")
    add([NOW_MS], [-np.inf], __name__="방.문", **{"a.b": "1", "1x": "2", "a_b": "3"})
    knowledge = Knowledge(external_labels=lambda: {"region": "seoul"})
    return PrometheusApi(storage, clock=ManualClock(NOW_MS * 1000), knowledge=knowledge)


def page(api, *matches, accept=""):
    answer = api.federate([("match[]", match) for match in matches], accept=accept)
    assert answer.status == 200, answer.body
    return answer.body.decode().splitlines()


def test_each_series_has_its_newest_sample_with_our_labels(api):
    assert page(api, "up", '{instance=~".+",__name__="up"}') == [
        "# TYPE up untyped",
        f'up{{instance="a\\"\\\\\\n",region="seoul"}} 2e+06 {NOW_MS - 5}',
        f'up{{region="busan",instance=""}} 1 {NOW_MS - 5}',
    ]


def test_what_has_no_place_on_a_page_is_left_out(api):
    assert page(api, "native") == []
    assert page(api, '{name="none"}') == []
    assert page(api) == []


def test_names_are_written_as_the_scraper_reads_them(api):
    assert page(api, '{"방.문"}') == [
        "# TYPE ___ untyped",
        f'___{{_x="2",a_b="1",instance="",region="seoul"}} -Inf {NOW_MS}',
    ]
    assert page(api, '{"방.문"}', accept=ANY) == [
        '# TYPE "방.문" untyped',
        f'{{"방.문","1x"="2","a.b"="1",a_b="3",instance="",region="seoul"}} -Inf {NOW_MS}',
    ]


def test_the_type_of_the_page_says_how_names_are_written(api):
    assert "version=0.0.4" in api.federate([]).media_type
    assert "escaping=allow-utf-8" in api.federate([], accept=ANY).media_type


@pytest.mark.parametrize("match", ["up{", "rate(up[5m])", "\udcff", ""])
def test_what_is_no_selector_is_told_in_words(api, match):
    answer = api.federate([("match[]", match)])
    assert (answer.status, answer.media_type[:10]) == (400, "text/plain")
    assert b"match[]" in answer.body
