from __future__ import annotations

import asyncio

import pytest

from madang.core.errors import OverloadedError
from madang.query.leases import MAX_WAITING_PER_USER, Leases


def test_users_take_turns() -> None:
    async def scenario() -> list[str]:
        leases = Leases(1, 5)
        order: list[str] = []

        async def ask(user: str) -> None:
            index = await leases.take(user)
            order.append(user)
            await asyncio.sleep(0)
            leases.give_back(index)

        first = await leases.take("x")
        tasks = [asyncio.create_task(ask(user)) for user in ["a"] * 5 + ["b", "c"]]
        await asyncio.sleep(0)
        leases.give_back(first)
        await asyncio.gather(*tasks)
        assert leases.waiting == 0
        return order

    assert asyncio.run(scenario()) == ["a", "b", "c", "a", "a", "a", "a"]


def test_a_turn_that_nobody_wants_goes_to_the_next() -> None:
    async def scenario() -> None:
        leases = Leases(1, 5)
        index = await leases.take("x")
        gone = asyncio.create_task(leases.take("a"))
        next_one = asyncio.create_task(leases.take("b"))
        await asyncio.sleep(0)
        gone.cancel()
        leases.give_back(index)
        assert await next_one == 0
        leases.give_back(0)
        assert await leases.take("c") == 0

    asyncio.run(scenario())


def test_one_user_cannot_fill_the_queue() -> None:
    async def scenario() -> None:
        leases = Leases(1, 5)
        await leases.take("x")
        waiting = [asyncio.create_task(leases.take("a")) for _ in range(MAX_WAITING_PER_USER)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await leases.take("a")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(scenario())


def test_resizing_lends_new_workers_at_once() -> None:
    async def scenario() -> None:
        leases = Leases(1, 5)
        assert await leases.take("a") == 0
        waiting = asyncio.create_task(leases.take("b"))
        await asyncio.sleep(0)
        leases.resize(2)
        assert await waiting == 1
        leases.resize(1)
        leases.give_back(1)
        leases.give_back(0)
        assert await leases.take("c") == 0

    asyncio.run(scenario())
