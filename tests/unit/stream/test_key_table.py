"""The table of idempotency keys against a dictionary that forgets the oldest."""

from collections import OrderedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from madang.stream.key_table import KeyTable, ProducerEntry, digest_of


def entry(number: int, time_us: int = 0) -> ProducerEntry:
    return ProducerEntry(1, number, 3, time_us, 2)


@settings(max_examples=40, deadline=None)
@given(
    bound=st.sampled_from([1, 3, 300, 700]),
    steps=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 2)), max_size=600),
    repeat=st.integers(1, 4),
)
def test_it_is_a_dictionary_that_forgets_the_oldest(bound: int, steps: list, repeat: int) -> None:
    table, model = KeyTable(bound), OrderedDict()
    # Few values of the first half put many keys into one bucket.
    digests = {key: (key % 7, key) for key in range(901)}
    every = [((key + turn) % 901, action) for turn in range(repeat) for key, action in steps]
    for now, (key, action) in enumerate(every):
        if action == 2:
            table.forget_before(now - 400)
            for known in [k for k, value in model.items() if value.appended_at_us < now - 400]:
                del model[known]
        elif key not in model:
            table.put(digests[key], entry(key, now))
            model[key] = entry(key, now)
            while len(model) > bound:
                model.popitem(last=False)
        else:
            assert table.find(digests[key]) == model[key]
    copy = KeyTable.decode(table.encode(), len(table), bound)
    for found in (table, copy):
        assert len(found) == len(model)
        for key, digest in digests.items():
            assert found.find(digest) == model.get(key)


def test_a_smaller_bound_keeps_the_youngest() -> None:
    table = KeyTable(1000)
    for number in range(1000):
        table.put(digest_of(f"key:{number}"), entry(number))
    smaller = KeyTable.decode(table.encode(), len(table), 10)
    assert len(smaller) == 10
    assert smaller.find(digest_of("key:989")) is None
    assert smaller.find(digest_of("key:990")) == entry(990)


def test_two_hundred_thousand_keys_take_little_memory() -> None:
    table = KeyTable(200_000)
    for number in range(200_000):
        table.put((number * 0x9E3779B97F4A7C15 % 2**64, number), entry(number))
    columns = sum(column.nbytes for column in table._columns.values())
    assert columns + table._links.nbytes + table._buckets.nbytes < 16 * 2**20
    assert len(table.encode()) == KeyTable.encoded_size(200_000)
