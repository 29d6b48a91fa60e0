"""The clock: what it says, and how well it is kept (adjtimex)."""

from __future__ import annotations

import ctypes
import os
import sys
import time

from madang.collect.host.readers.machine import Machine, content, folders
from madang.collect.host.samples import Samples

_STA_NANO = 0x2000
_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_PPM_UNIT = 65_536e6
"""The kernel's frequencies are parts per million with 16 bits of fraction."""
_US_PER_S, _NS_PER_S = 1e6, 1e9


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2), as 64-bit Linux has it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("spare", ctypes.c_int * 11),
    )


def read_time(samples: Samples, machine: Machine) -> None:
    """The time, the zone, and what the kernel tells the time by."""
    samples.add("node_time_seconds", time.time())
    here = time.localtime()
    samples.add("node_time_zone_offset_seconds", here.tm_gmtoff, time_zone=here.tm_zone)
    for folder in folders(machine.sys / "devices/system/clocksource"):
        device = folder.name.removeprefix("clocksource")
        for clock in (content(folder / "available_clocksource") or "").split():
            labels = {"device": device, "clocksource": clock}
            samples.add("node_time_clocksource_available_info", 1, **labels)
        current = content(folder / "current_clocksource")
        if current:
            labels = {"device": device, "clocksource": current}
            samples.add("node_time_clocksource_current_info", 1, **labels)


def read_clock(samples: Samples, _machine: Machine) -> None:
    """How far the clock may be off, and whether anything keeps it right."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_long) != 8:
        return
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    unit = _NS_PER_S if timex.status & _STA_NANO else _US_PER_S
    synchronous = state != _TIME_ERROR and not timex.status & _STA_UNSYNC
    for name, value in (
        ("sync_status", float(synchronous)),
        ("offset_seconds", timex.offset / unit),
        ("frequency_adjustment_ratio", 1 + timex.freq / _PPM_UNIT),
        ("maxerror_seconds", timex.maxerror / _US_PER_S),
        ("estimated_error_seconds", timex.esterror / _US_PER_S),
        ("status", timex.status),
        ("loop_time_constant", timex.constant),
        ("tick_seconds", timex.tick / _US_PER_S),
        ("pps_frequency_hertz", timex.ppsfreq / _PPM_UNIT),
        ("pps_jitter_seconds", timex.jitter / unit),
        ("pps_shift_seconds", timex.shift),
        ("pps_stability_hertz", timex.stabil / _PPM_UNIT),
        ("pps_jitter_total", timex.jitcnt),
        ("pps_calibration_total", timex.calcnt),
        ("pps_error_total", timex.errcnt),
        ("pps_stability_exceeded_total", timex.stbcnt),
        ("tai_offset_seconds", timex.tai),
    ):
        samples.add(f"node_timex_{name}", value)
