"""Temperatures and clock rates, where the hardware tells them."""

from __future__ import annotations

import re

from madang.collect.host.readers.machine import Machine, content, folders, number
from madang.collect.host.samples import Samples

_TEMPERATURE = re.compile(r"temp(\d+)_(input|max|crit)")
_MILLI = 1000
_HZ_PER_KHZ = 1000
_FREQUENCIES = {
    "cpuinfo_cur_freq": "node_cpu_frequency_hertz",
    "cpuinfo_min_freq": "node_cpu_frequency_min_hertz",
    "cpuinfo_max_freq": "node_cpu_frequency_max_hertz",
    "scaling_cur_freq": "node_cpu_scaling_frequency_hertz",
    "scaling_min_freq": "node_cpu_scaling_frequency_min_hertz",
    "scaling_max_freq": "node_cpu_scaling_frequency_max_hertz",
}
_HWMON_NAMES = {
    "input": "node_hwmon_temp_celsius",
    "max": "node_hwmon_temp_max_celsius",
    "crit": "node_hwmon_temp_crit_celsius",
}


def read_frequencies(samples: Samples, machine: Machine) -> None:
    """Clock rates of the processors, and their bounds."""
    for folder in folders(machine.sys / "devices/system/cpu"):
        if not (folder / "cpufreq").is_dir():
            continue
        cpu = folder.name.removeprefix("cpu")
        for file, name in _FREQUENCIES.items():
            rate_khz = number(folder / "cpufreq" / file)
            if rate_khz is not None:
                samples.add(name, rate_khz * _HZ_PER_KHZ, cpu=cpu)


def read_temperatures(samples: Samples, machine: Machine) -> None:
    """Temperatures of the chips that measure them."""
    for folder in folders(machine.sys / "class/hwmon"):
        chip_name = content(folder / "name") or folder.name
        device = folder / "device"
        chip = _chip(device.resolve().name if device.exists() else "", chip_name)
        samples.add("node_hwmon_chip_names", 1, chip=chip, chip_name=chip_name)
        for file in folders(folder):
            match = _TEMPERATURE.fullmatch(file.name)
            value = number(file) if match else None
            if match is None or value is None:
                continue
            sensor = f"temp{match[1]}"
            samples.add(_HWMON_NAMES[match[2]], value / _MILLI, chip=chip, sensor=sensor)
            label = content(folder / f"{sensor}_label") if match[2] == "input" else None
            if label:
                labels = {"chip": chip, "sensor": sensor, "label": label.lower()}
                samples.add("node_hwmon_sensor_label", 1, **labels)


def read_zones(samples: Samples, machine: Machine) -> None:
    """Temperatures of the machine's thermal zones."""
    for folder in folders(machine.sys / "class/thermal"):
        value = number(folder / "temp")
        if folder.name.startswith("thermal_zone") and value is not None:
            zone = folder.name.removeprefix("thermal_zone")
            kind = content(folder / "type") or ""
            samples.add("node_thermal_zone_temp", value / _MILLI, zone=zone, type=kind)


def _chip(device: str, name: str) -> str:
    """A name that stays over restarts: hwmon's numbers do not."""
    return re.sub(r"[^a-z0-9_]", "_", (device or name).lower())
