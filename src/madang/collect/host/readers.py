"""What the machine says of itself, as node exporter names it.

psutil where it knows; /proc for the rest, which other systems than Linux lack: then those samples
are absent. A reader reads counters as they are since boot: rates are a query's matter.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from madang.collect.host.samples import Samples

_IGNORED_MOUNTS = re.compile(
    r"/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
)
_IGNORED_TYPES = re.compile(
    r"autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|"
    r"mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|"
    r"tracefs"
)
# Asking a dead server for its free space would hang the poll; node exporter asks in the background.
_REMOTE_TYPES = re.compile(r"nfs\d?|cifs|smb\d?|ceph|9p|afs|glusterfs|lustre|fuse\..*")
_IGNORED_DISKS = re.compile(r"(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+")
_VMSTAT = re.compile(r"(oom_kill|pgpg|pswp|pg.*fault).*")
_NETSTAT = re.compile(
    r".*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
    r"TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|"
    r"Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|"
    r"Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors)"
)
_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_STAT_NAMES = {
    "ctxt": "node_context_switches_total",
    "intr": "node_intr_total",
    "processes": "node_forks_total",
    "procs_running": "node_procs_running",
    "procs_blocked": "node_procs_blocked",
}

Reader = Callable[[Samples, Path], None]


def read_cpu(samples: Samples, _proc: Path) -> None:
    """Seconds each processor spent in each mode."""
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode in _CPU_MODES:
            seconds = getattr(times, mode, None)
            if seconds is not None:
                samples.add("node_cpu_seconds_total", seconds, cpu=str(number), mode=mode)


def read_load(samples: Samples, proc: Path) -> None:
    """Load averages, processes and threads."""
    for span, load in zip((1, 5, 15), psutil.getloadavg(), strict=True):
        samples.add(f"node_load{span}", load)
    words = _lines(proc / "loadavg", 1)
    for line in words:
        samples.add("node_processes_threads", float(line[3].partition("/")[2]))
    samples.add("node_processes_pids", len(psutil.pids()))


def read_memory(samples: Samples, proc: Path) -> None:
    """All of /proc/meminfo, in bytes; elsewhere what psutil knows."""
    found = False
    for words in _lines(proc / "meminfo"):
        name = words[0].removesuffix(":").replace("(", "_").replace(")", "")
        in_kib = words[-1] == "kB"
        value = float(words[1])
        if in_kib:
            samples.add(f"node_memory_{name}_bytes", value * 1024)
        else:
            samples.add(f"node_memory_{name}", value)
        found = True
    if not found:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        samples.add("node_memory_MemTotal_bytes", memory.total)
        samples.add("node_memory_MemFree_bytes", memory.free)
        samples.add("node_memory_MemAvailable_bytes", memory.available)
        samples.add("node_memory_SwapTotal_bytes", swap.total)
        samples.add("node_memory_SwapFree_bytes", swap.free)


def read_filesystems(samples: Samples, _proc: Path) -> None:
    """Space and inodes of each mounted local file system, the root always among them."""
    seen = set()
    for part in psutil.disk_partitions(all=True):
        mount = part.mountpoint
        ignored = _IGNORED_MOUNTS.match(mount) or _IGNORED_TYPES.fullmatch(part.fstype)
        if (ignored and mount != "/") or _REMOTE_TYPES.fullmatch(part.fstype) or mount in seen:
            continue
        seen.add(mount)
        try:
            stats = os.statvfs(mount)
        except OSError:
            continue
        labels = {"device": part.device, "mountpoint": mount, "fstype": part.fstype}
        unit = stats.f_frsize
        samples.add("node_filesystem_size_bytes", stats.f_blocks * unit, **labels)
        samples.add("node_filesystem_free_bytes", stats.f_bfree * unit, **labels)
        samples.add("node_filesystem_avail_bytes", stats.f_bavail * unit, **labels)
        samples.add("node_filesystem_files", stats.f_files, **labels)
        samples.add("node_filesystem_files_free", stats.f_ffree, **labels)
        samples.add("node_filesystem_readonly", float("ro" in part.opts.split(",")), **labels)


def read_disks(samples: Samples, _proc: Path) -> None:
    """Bytes, operations and seconds of each disk, partitions left out."""
    for device, disk in (psutil.disk_io_counters(perdisk=True, nowrap=False) or {}).items():
        if _IGNORED_DISKS.fullmatch(device):
            continue
        samples.add("node_disk_read_bytes_total", disk.read_bytes, device=device)
        samples.add("node_disk_written_bytes_total", disk.write_bytes, device=device)
        samples.add("node_disk_reads_completed_total", disk.read_count, device=device)
        samples.add("node_disk_writes_completed_total", disk.write_count, device=device)
        samples.add("node_disk_read_time_seconds_total", disk.read_time / 1000, device=device)
        samples.add("node_disk_write_time_seconds_total", disk.write_time / 1000, device=device)
        busy_ms = getattr(disk, "busy_time", None)
        if busy_ms is not None:
            samples.add("node_disk_io_time_seconds_total", busy_ms / 1000, device=device)


def read_network(samples: Samples, _proc: Path) -> None:
    """Bytes, packets, errors and drops of each interface."""
    for device, nic in psutil.net_io_counters(pernic=True, nowrap=False).items():
        for side, total, packets, errors, drops in (
            ("receive", nic.bytes_recv, nic.packets_recv, nic.errin, nic.dropin),
            ("transmit", nic.bytes_sent, nic.packets_sent, nic.errout, nic.dropout),
        ):
            samples.add(f"node_network_{side}_bytes_total", total, device=device)
            samples.add(f"node_network_{side}_packets_total", packets, device=device)
            samples.add(f"node_network_{side}_errs_total", errors, device=device)
            samples.add(f"node_network_{side}_drop_total", drops, device=device)


def read_kernel(samples: Samples, proc: Path) -> None:
    """Switches, interrupts, forks, paging, open files, random bits, pressure."""
    for words in _lines(proc / "stat"):
        name = _STAT_NAMES.get(words[0])
        if name:
            samples.add(name, float(words[1]))
    for words in _lines(proc / "vmstat"):
        if _VMSTAT.fullmatch(words[0]):
            samples.add(f"node_vmstat_{words[0]}", float(words[1]))
    for words in _lines(proc / "sys/fs/file-nr"):
        samples.add("node_filefd_allocated", float(words[0]))
        samples.add("node_filefd_maximum", float(words[2]))
    for words in _lines(proc / "sys/kernel/random/entropy_avail"):
        samples.add("node_entropy_available_bits", float(words[0]))
    for resource in ("cpu", "io", "memory"):
        for words in _lines(proc / "pressure" / resource):
            kind = "waiting" if words[0] == "some" else "stalled"
            if kind == "waiting" or resource != "cpu":
                seconds = float(words[-1].partition("=")[2]) / 1e6
                samples.add(f"node_pressure_{resource}_{kind}_seconds_total", seconds)


def read_sockets(samples: Samples, proc: Path) -> None:
    """Sockets in use, and the protocols' counters."""
    for file in ("sockstat", "sockstat6"):
        for words in _lines(proc / "net" / file):
            protocol = words[0].removesuffix(":")
            for key, value in zip(words[1::2], words[2::2], strict=False):
                samples.add(f"node_sockstat_{protocol}_{key}", float(value))
    for file in ("netstat", "snmp"):
        lines = list(_lines(proc / "net" / file))
        for header, row in zip(lines[0::2], lines[1::2], strict=False):
            protocol = header[0].removesuffix(":")
            for key, value in zip(header[1:], row[1:], strict=False):
                name = f"{protocol}_{key}"
                if _NETSTAT.fullmatch(name):
                    samples.add(f"node_netstat_{name}", float(value))
    for words in _lines(proc / "net" / "snmp6"):
        protocol, _, key = words[0].partition("6")
        name = f"{protocol}6_{key}"
        if _NETSTAT.fullmatch(name):
            samples.add(f"node_netstat_{name}", float(words[1]))


def read_system(samples: Samples, _proc: Path) -> None:
    """Boot time, and what the machine is."""
    samples.add("node_boot_time_seconds", psutil.boot_time())
    name = platform.uname()
    samples.add(
        "node_uname_info",
        1,
        sysname=name.system,
        release=name.release,
        version=name.version,
        machine=name.machine,
        nodename=name.node,
    )


READERS: dict[str, Reader] = {
    "cpu": read_cpu,
    "loadavg": read_load,
    "meminfo": read_memory,
    "filesystem": read_filesystems,
    "diskstats": read_disks,
    "netdev": read_network,
    "stat": read_kernel,
    "netstat": read_sockets,
    "uname": read_system,
}
"""The readers, by node exporter's names of its collectors."""


def _lines(path: Path, most: int | None = None) -> Iterator[list[str]]:
    """The words of each line that has any; nothing where the file does not exist."""
    try:
        text = path.read_text("utf-8", "replace")
    except (FileNotFoundError, PermissionError):
        return
    for line in text.splitlines()[:most]:
        words = line.split()
        if words:
            yield words
