"""What the kernel counts of its network protocols."""

from __future__ import annotations

import re
import resource
from collections import Counter

from madang.collect.host.readers.machine import Machine, lines, number
from madang.collect.host.samples import Samples

_NETSTAT = re.compile(
    r".*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
    r"TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|"
    r"Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|"
    r"Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors)"
)
_SOFTNET = {0: "processed_total", 1: "dropped_total", 2: "times_squeezed_total"}
_CONNECTIONS = (
    "drop",
    "early_drop",
    "found",
    "ignore",
    "insert",
    "insert_failed",
    "invalid",
    "search_restart",
)
_QUEUES = {"v4": "net/udp", "v6": "net/udp6"}


def read_counters(samples: Samples, machine: Machine) -> None:
    """The protocols' counters: segments, datagrams, errors."""
    for file in ("netstat", "snmp"):
        rows = list(lines(machine.proc / "net" / file))
        for header, row in zip(rows[0::2], rows[1::2], strict=False):
            protocol = header[0].removesuffix(":")
            for key, value in zip(header[1:], row[1:], strict=False):
                name = f"{protocol}_{key}"
                if _NETSTAT.fullmatch(name):
                    samples.add(f"node_netstat_{name}", float(value))
    for words in lines(machine.proc / "net/snmp6"):
        protocol, _, key = words[0].partition("6")
        name = f"{protocol}6_{key}"
        if _NETSTAT.fullmatch(name):
            samples.add(f"node_netstat_{name}", float(words[1]))


def read_sockets(samples: Samples, machine: Machine) -> None:
    """Sockets in use, and the memory that they hold."""
    page_bytes = resource.getpagesize()
    for file in ("sockstat", "sockstat6"):
        for words in lines(machine.proc / "net" / file):
            protocol = words[0].removesuffix(":")
            for key, text in zip(words[1::2], words[2::2], strict=False):
                samples.add(f"node_sockstat_{protocol}_{key}", float(text))
                if key == "mem":
                    samples.add(f"node_sockstat_{protocol}_mem_bytes", float(text) * page_bytes)


def read_packets(samples: Samples, machine: Machine) -> None:
    """Packets that each processor has handled, dropped, or put off."""
    for place, words in enumerate(lines(machine.proc / "net/softnet_stat")):
        # The processor's number is in the 13th field of newer kernels; off-line ones are left out.
        cpu = str(int(words[12], 16) if len(words) > 12 else place)
        for field, name in _SOFTNET.items():
            samples.add(f"node_softnet_{name}", float(int(words[field], 16)), cpu=cpu)


def read_queues(samples: Samples, machine: Machine) -> None:
    """Bytes that wait in UDP sockets, sent and received."""
    for version, file in _QUEUES.items():
        if not (machine.proc / file).exists():
            continue
        sent = received = 0
        for words in lines(machine.proc / file):
            waiting, colon, arrived = words[4].partition(":") if len(words) > 4 else ("", "", "")
            if colon:
                sent, received = sent + int(waiting, 16), received + int(arrived, 16)
        samples.add("node_udp_queues", sent, ip=version, queue="tx")
        samples.add("node_udp_queues", received, ip=version, queue="rx")


def read_connections(samples: Samples, machine: Machine) -> None:
    """Connections that the firewall follows."""
    folder = machine.proc / "sys/net/netfilter"
    for file, name in (("count", "entries"), ("max", "entries_limit")):
        value = number(folder / f"nf_conntrack_{file}")
        if value is not None:
            samples.add(f"node_nf_conntrack_{name}", value)
    header, *rows = [*lines(machine.proc / "net/stat/nf_conntrack")] or [[]]
    totals = Counter[str]()
    for row in rows:
        totals.update({key: int(text, 16) for key, text in zip(header, row, strict=False)})
    for key in _CONNECTIONS:
        if key in totals:
            samples.add(f"node_nf_conntrack_stat_{key}", totals[key])


def read_neighbours(samples: Samples, machine: Machine) -> None:
    """Neighbours known by each interface."""
    rows = [words for words in lines(machine.proc / "net/arp") if words[0] != "IP"]
    for device, count in sorted(Counter(words[-1] for words in rows).items()):
        samples.add("node_arp_entries", count, device=device)
