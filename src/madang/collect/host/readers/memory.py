"""Memory and paging."""

from __future__ import annotations

import re

import psutil

from madang.collect.host.readers.machine import Machine, lines
from madang.collect.host.samples import Samples

_VMSTAT = re.compile(r"(oom_kill|pgpg|pswp|pg.*fault).*")
_KIB = 1024


def read_memory(samples: Samples, machine: Machine) -> None:
    """All of /proc/meminfo, in bytes; elsewhere what psutil knows."""
    found = False
    for words in lines(machine.proc / "meminfo"):
        name = words[0].removesuffix(":").replace("(", "_").replace(")", "")
        if words[-1] == "kB":
            samples.add(f"node_memory_{name}_bytes", float(words[1]) * _KIB)
        else:
            samples.add(f"node_memory_{name}", float(words[1]))
        found = True
    if not found:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        samples.add("node_memory_MemTotal_bytes", memory.total)
        samples.add("node_memory_MemFree_bytes", memory.free)
        samples.add("node_memory_MemAvailable_bytes", memory.available)
        samples.add("node_memory_SwapTotal_bytes", swap.total)
        samples.add("node_memory_SwapFree_bytes", swap.free)


def read_paging(samples: Samples, machine: Machine) -> None:
    """Pages in and out, faults, processes killed for want of memory."""
    for words in lines(machine.proc / "vmstat"):
        if _VMSTAT.fullmatch(words[0]):
            samples.add(f"node_vmstat_{words[0]}", float(words[1]))
