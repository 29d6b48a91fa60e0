from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import pytest

from madang.server.completions import Completions


def test_many_futures_of_many_threads():
    async def wait_for_all():
        bridge = Completions()
        futures = [Future() for _ in range(1000)]

        def finish(part):
            for number in range(part, 1000, 4):
                futures[number].set_result(number)

        threads = [threading.Thread(target=finish, args=(part,)) for part in range(4)]
        waiting = [asyncio.ensure_future(bridge.wait(future)) for future in futures]
        await asyncio.sleep(0)
        for thread in threads:
            thread.start()
        found = await asyncio.gather(*waiting)
        for thread in threads:
            thread.join()
        return found

    assert asyncio.run(wait_for_all()) == list(range(1000))


def test_a_group_wakes_the_loop_once():
    async def count():
        bridge, loop = Completions(), asyncio.get_running_loop()
        futures = [Future() for _ in range(50)]
        waiting = [asyncio.ensure_future(bridge.wait(future)) for future in futures]
        await asyncio.sleep(0)
        calls = []
        wake = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args: (calls.append(args), wake(*args))
        for future in futures:
            future.set_result(None)
        await asyncio.gather(*waiting)
        return len(calls)

    assert asyncio.run(count()) == 1


def test_errors_pass():
    async def wait():
        bridge, failed, done = Completions(), Future(), Future()
        done.set_result("at once")
        assert await bridge.wait(done) == "at once"
        asyncio.get_running_loop().call_soon(failed.set_exception, ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await bridge.wait(failed)

    asyncio.run(wait())


def test_a_cancelled_waiter_disturbs_nobody():
    async def wait():
        bridge, future = Completions(), Future()
        waiting = asyncio.ensure_future(bridge.wait(future))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        future.set_result(1)
        other = Future()
        asyncio.get_running_loop().call_soon(other.set_result, 2)
        assert await bridge.wait(other) == 2
        assert not future.cancelled()

    asyncio.run(wait())
