"""A process of the crash test: appends numbered batches until it is killed, and says what is sure.

Arguments: the store's folder, the name of the producer, the first number, the number of threads.
Prints ``<number> <base offset> <count> <duplicate>`` for every acknowledgement.
"""

import os
import sys
import threading
from pathlib import Path

from madang.stream import LogStore, Origin
from madang.testing.records import record_batch

RECORDS = 20


def values_of_batch(producer: str, number: int) -> list[bytes]:
    return [f"{producer}/{number}/{row}".encode() + b"x" * 300 for row in range(RECORDS)]


def main() -> None:
    root, producer, first, threads = sys.argv[1:]
    store = LogStore(Path(root), segment_size_bytes=2**20, min_free_bytes=0)
    stream = store.open("s")

    def produce(start: int) -> None:
        number = start
        while True:
            origin = Origin(f"key:{producer}-{number}", 1)
            batch = record_batch(values_of_batch(producer, number))
            answer = stream.submit(batch, origin=origin).result(60)
            line = f"{number} {answer.base_offset} {answer.count} {int(answer.duplicate)}\n"
            os.write(1, line.encode())
            number += int(threads)

    for thread in range(int(threads)):
        threading.Thread(target=produce, args=(int(first) + thread,)).start()


if __name__ == "__main__":
    main()
