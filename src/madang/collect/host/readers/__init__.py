"""What the machine says of itself, as node exporter names it.

The kernel's files where there are any, psutil elsewhere: then only what psutil knows is there.
Counters are as the kernel has them since boot: rates are a query's matter.
"""

from madang.collect.host.readers.machine import Machine, Reader
from madang.collect.host.readers.memory import read_memory, read_paging
from madang.collect.host.readers.network import read_interfaces, read_traffic
from madang.collect.host.readers.processor import (
    read_cpu,
    read_load,
    read_pressure,
    read_scheduler,
    read_stat,
)
from madang.collect.host.readers.protocols import (
    read_connections,
    read_counters,
    read_neighbours,
    read_packets,
    read_queues,
    read_sockets,
)
from madang.collect.host.readers.sensors import read_frequencies, read_temperatures, read_zones
from madang.collect.host.readers.storage import read_disks, read_filesystems
from madang.collect.host.readers.system import (
    read_entropy,
    read_open_files,
    read_release,
    read_selinux,
    read_uname,
)
from madang.collect.host.readers.times import read_clock, read_time

__all__ = ["READERS", "Machine", "Reader"]

READERS: dict[str, Reader] = {
    "cpu": read_cpu,
    "cpufreq": read_frequencies,
    "loadavg": read_load,
    "meminfo": read_memory,
    "filesystem": read_filesystems,
    "diskstats": read_disks,
    "netdev": read_traffic,
    "netclass": read_interfaces,
    "stat": read_stat,
    "vmstat": read_paging,
    "pressure": read_pressure,
    "schedstat": read_scheduler,
    "netstat": read_counters,
    "sockstat": read_sockets,
    "softnet": read_packets,
    "udp_queues": read_queues,
    "conntrack": read_connections,
    "arp": read_neighbours,
    "hwmon": read_temperatures,
    "thermal_zone": read_zones,
    "filefd": read_open_files,
    "entropy": read_entropy,
    "selinux": read_selinux,
    "uname": read_uname,
    "os": read_release,
    "time": read_time,
    "timex": read_clock,
}
"""The readers, by node exporter's names of its collectors."""
