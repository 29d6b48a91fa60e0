"""Network interfaces: what goes over them, and what they are."""

from __future__ import annotations

import psutil

from madang.collect.host.readers.machine import Machine, content, folders, lines, number
from madang.collect.host.samples import Samples

_RECEIVE = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
_TRANSMIT = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
_NUMBERS = {
    "addr_assign_type": "address_assign_type",
    "carrier": "carrier",
    "carrier_changes": "carrier_changes_total",
    "carrier_down_count": "carrier_down_changes_total",
    "carrier_up_count": "carrier_up_changes_total",
    "dev_id": "device_id",
    "dormant": "dormant",
    "flags": "flags",
    "ifindex": "iface_id",
    "iflink": "iface_link",
    "link_mode": "iface_link_mode",
    "mtu": "mtu_bytes",
    "name_assign_type": "name_assign_type",
    "netdev_group": "net_dev_group",
    "tx_queue_len": "transmit_queue_length",
    "type": "protocol_type",
}
"""Files of /sys/class/net/<device> that hold a number → what follows ``node_network_``."""
_TEXTS = ("address", "broadcast", "duplex", "ifalias", "operstate")
_BYTES_PER_MBIT = 125_000


def read_traffic(samples: Samples, machine: Machine) -> None:
    """Bytes, packets, errors and drops of each interface."""
    found = False
    for words in lines(machine.proc / "net/dev"):
        # A long name has no space between it and the first number.
        device, colon, rest = " ".join(words).partition(":")
        if not colon:
            continue
        found = True
        values = [float(word) for word in rest.split()]
        for names, side, first in ((_RECEIVE, "receive", 0), (_TRANSMIT, "transmit", 8)):
            for name, value in zip(names, values[first:], strict=False):
                samples.add(f"node_network_{side}_{name}_total", value, device=device)
        nohandler = number(machine.sys / "class/net" / device / "statistics/rx_nohandler")
        if nohandler is not None:
            samples.add("node_network_receive_nohandler_total", nohandler, device=device)
    if not found:
        _read_traffic_elsewhere(samples)


def read_interfaces(samples: Samples, machine: Machine) -> None:
    """State, speed, addresses and numbers of each interface."""
    for folder in folders(machine.sys / "class/net"):
        if not folder.is_dir():
            continue  # bonding_masters
        device = folder.name
        for file, name in _NUMBERS.items():
            value = number(folder / file)
            if value is not None:
                samples.add(f"node_network_{name}", value, device=device)
        speed_mbit = number(folder / "speed")
        if speed_mbit is not None:
            samples.add("node_network_speed_bytes", speed_mbit * _BYTES_PER_MBIT, device=device)
        texts = {name: content(folder / name) or "" for name in _TEXTS}
        samples.add("node_network_up", float(texts["operstate"] == "up"), device=device)
        samples.add("node_network_info", 1, device=device, **texts)


def _read_traffic_elsewhere(samples: Samples) -> None:
    for device, nic in psutil.net_io_counters(pernic=True, nowrap=False).items():
        for side, total, packets, errors, drops in (
            ("receive", nic.bytes_recv, nic.packets_recv, nic.errin, nic.dropin),
            ("transmit", nic.bytes_sent, nic.packets_sent, nic.errout, nic.dropout),
        ):
            samples.add(f"node_network_{side}_bytes_total", total, device=device)
            samples.add(f"node_network_{side}_packets_total", packets, device=device)
            samples.add(f"node_network_{side}_errs_total", errors, device=device)
            samples.add(f"node_network_{side}_drop_total", drops, device=device)
