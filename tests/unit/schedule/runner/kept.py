"""One attempt in a process of its own, as the scheduler runs it: prints the outcome as JSON.

Arguments: the folder for its log, the limits as JSON, and the body, a function of this module.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from madang.core.errors import InvalidInputError
from madang.schedule.runner import Limits, keep

FOLDER = Path(sys.argv[1])


def returns():
    print("hello")
    return {"rows": 3, "name": "마당"}


def raises():
    raise InvalidInputError("the table has no column x", hint="did you mean y?")


def raises_nonsense():
    raise RuntimeError("\ud800" + "x" * 10_000)


def exits():
    sys.exit(7)


def program():
    os.execvp("sh", ["sh", "-c", "echo from sh; exit 3"])


def missing_program():
    os.execvp("madang-has-no-such-program", ["x"])


def prints_much():
    block = b"x" * 2**20
    for _ in range(300):
        os.write(1, block)
    return "done"


def prints_nonsense():
    os.write(1, bytes(range(256)))


def sleeps():
    time.sleep(60)


def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("I stay", flush=True)
    while True:
        time.sleep(1)


def polite():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(60)


def forks_and_forgets():
    for _ in range(3):
        # Two forks and a session of its own: what a daemon does to get away.
        script = "import os,time; os.fork() and os._exit(0); os.setsid(); time.sleep(60)"
        subprocess.run([sys.executable, "-c", script], check=True)
    return "gone"


def bomb():
    for _ in range(6):
        os.fork()
    time.sleep(60)


def takes_memory_at_once():
    return len(bytearray(10 * 2**30))


def takes_memory_below():
    script = "x=[]\nimport time\nwhile True: x.append(bytearray(2**22)); time.sleep(0.01)"
    subprocess.run([sys.executable, "-c", script], check=False)
    return "survived"


def returns_much():
    return "x" * (2 * 2**20)


def returns_nonsense():
    return object()


def returns_a_circle():
    circle = []
    circle.append(circle)
    return circle


def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def crashes():
    os.abort()


def reads():
    return sys.stdin.read()


def threads_left():
    threading.Thread(target=time.sleep, args=(60,), daemon=False).start()
    return "main is done"


def closes_its_output():
    os.close(1)
    os.close(2)
    return "quiet"


def main():
    limits = msgspec.json.decode(sys.argv[2], type=Limits)
    fd = os.open(FOLDER / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    control_fd = 0 if len(sys.argv) > 4 else None
    outcome = keep(globals()[sys.argv[3]], fd, limits, control_fd)
    print(msgspec.json.encode(outcome).decode())


if __name__ == "__main__":
    main()
