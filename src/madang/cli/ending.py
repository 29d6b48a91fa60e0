"""Ends work that runs in C, where Python's own handling of signals would wait until it is over."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def on_signal(end: Callable[[], None]) -> Iterator[list[int]]:
    """Call ``end``, in another thread, when Ctrl-C or a signal asks the command to end.

    Yields the signals that came. Each also raises KeyboardInterrupt, once Python runs again in the
    main thread. In any other thread nothing is watched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    came: list[int] = []

    def watch() -> None:
        while (number := os.read(woken, 1)) != b"\0":
            if number[0] in _SIGNALS:
                came.append(number[0])
                end()

    watching = threading.Thread(target=watch, name="signals", daemon=True)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    wakeup_before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number, handler in before.items():
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, signal.default_int_handler)
    watching.start()
    try:
        yield came
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)
        os.write(wake, b"\0")
        watching.join()
        os.close(woken)
        os.close(wake)
