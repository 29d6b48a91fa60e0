"""Processors: their time, the load, the scheduler, and who waits for what."""

from __future__ import annotations

import psutil

from madang.collect.host.readers.machine import Machine, lines
from madang.collect.host.samples import Samples

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_GUEST_MODES = {"user": "guest", "nice": "guest_nice"}
_STAT_NAMES = {
    "ctxt": "node_context_switches_total",
    "intr": "node_intr_total",
    "processes": "node_forks_total",
    "procs_running": "node_procs_running",
    "procs_blocked": "node_procs_blocked",
    "btime": "node_boot_time_seconds",
}
_NS_PER_S = 1e9
_US_PER_S = 1e6


def read_cpu(samples: Samples, _machine: Machine) -> None:
    """Seconds that each processor spent in each mode."""
    for place, times in enumerate(psutil.cpu_times(percpu=True)):
        cpu = str(place)
        for mode in _MODES:
            seconds = getattr(times, mode, None)
            if seconds is not None:
                samples.add("node_cpu_seconds_total", seconds, cpu=cpu, mode=mode)
        for mode, field in _GUEST_MODES.items():
            seconds = getattr(times, field, None)
            if seconds is not None:
                samples.add("node_cpu_guest_seconds_total", seconds, cpu=cpu, mode=mode)


def read_load(samples: Samples, machine: Machine) -> None:
    """Load averages, processes and threads."""
    for span, load in zip((1, 5, 15), psutil.getloadavg(), strict=True):
        samples.add(f"node_load{span}", load)
    for words in lines(machine.proc / "loadavg", 1):
        samples.add("node_processes_threads", float(words[3].partition("/")[2]))
    samples.add("node_processes_pids", len(psutil.pids()))


def read_stat(samples: Samples, machine: Machine) -> None:
    """Context switches, interrupts, forks, running and blocked processes, the boot."""
    found = False
    for words in lines(machine.proc / "stat"):
        name = _STAT_NAMES.get(words[0])
        if name:
            samples.add(name, float(words[1]))
            found = True
    if not found:
        samples.add("node_boot_time_seconds", psutil.boot_time())


def read_pressure(samples: Samples, machine: Machine) -> None:
    """Seconds in which some, or all, waited for a resource."""
    for resource in ("cpu", "io", "memory"):
        for words in lines(machine.proc / "pressure" / resource):
            kind = "waiting" if words[0] == "some" else "stalled"
            if kind == "waiting" or resource != "cpu":
                seconds = float(words[-1].partition("=")[2]) / _US_PER_S
                samples.add(f"node_pressure_{resource}_{kind}_seconds_total", seconds)


def read_scheduler(samples: Samples, machine: Machine) -> None:
    """By processor: seconds that processes ran, seconds that they waited, and time slices."""
    for words in lines(machine.proc / "schedstat"):
        if not words[0].startswith("cpu") or len(words) < 10:
            continue
        cpu = words[0].removeprefix("cpu")
        running, waiting, slices = (float(word) for word in words[7:10])
        samples.add("node_schedstat_running_seconds_total", running / _NS_PER_S, cpu=cpu)
        samples.add("node_schedstat_waiting_seconds_total", waiting / _NS_PER_S, cpu=cpu)
        samples.add("node_schedstat_timeslices_total", slices, cpu=cpu)
