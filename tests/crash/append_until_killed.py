"""A process of the crash test: appends numbered batches until it is killed, and says what is sure.

Arguments: the store's folder, the name of the producer, the first number, the number of threads,
the size of a segment.
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
    root, producer, first, threads, segment_size = sys.argv[1:]
    store = LogStore(Path(root), segment_size_bytes=int(segment_size), min_free_bytes=0)
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

    running = [
        threading.Thread(target=produce, args=(int(first) + thread,))
        for thread in range(int(threads))
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


if __name__ == "__main__":
    main()
