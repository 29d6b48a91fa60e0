"""Disks and file systems."""

from __future__ import annotations

import os
import re

import psutil

from madang.collect.host.readers.machine import Machine, content, lines
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
_SECTOR_BYTES = 512
_MS_PER_S = 1000
_DISK_FIELDS = (
    ("reads_completed_total", 1),
    ("reads_merged_total", 1),
    ("read_bytes_total", _SECTOR_BYTES),
    ("read_time_seconds_total", 1 / _MS_PER_S),
    ("writes_completed_total", 1),
    ("writes_merged_total", 1),
    ("written_bytes_total", _SECTOR_BYTES),
    ("write_time_seconds_total", 1 / _MS_PER_S),
    ("io_now", 1),
    ("io_time_seconds_total", 1 / _MS_PER_S),
    ("io_time_weighted_seconds_total", 1 / _MS_PER_S),
    ("discards_completed_total", 1),
    ("discards_merged_total", 1),
    ("discarded_sectors_total", 1),
    ("discard_time_seconds_total", 1 / _MS_PER_S),
    ("flush_requests_total", 1),
    ("flush_requests_time_seconds_total", 1 / _MS_PER_S),
)
"""What follows a disk's name in /proc/diskstats, in order: name, factor to the unit."""
_LABEL_OF = {"model": "model", "rev": "revision", "serial": "serial", "wwid": "wwn"}


def read_filesystems(samples: Samples, _machine: Machine) -> None:
    """Space and inodes of each mounted local file system, the root always among them."""
    seen = set()
    for part in psutil.disk_partitions(all=True):
        mount = part.mountpoint
        ignored = _IGNORED_MOUNTS.match(mount) or _IGNORED_TYPES.fullmatch(part.fstype)
        if (ignored and mount != "/") or _REMOTE_TYPES.fullmatch(part.fstype) or mount in seen:
            continue
        seen.add(mount)
        labels = {"device": part.device, "mountpoint": mount, "fstype": part.fstype}
        try:
            stats = os.statvfs(mount)
        except OSError:
            samples.add("node_filesystem_device_error", 1, **labels)
            continue
        unit = stats.f_frsize
        samples.add("node_filesystem_device_error", 0, **labels)
        samples.add("node_filesystem_size_bytes", stats.f_blocks * unit, **labels)
        samples.add("node_filesystem_free_bytes", stats.f_bfree * unit, **labels)
        samples.add("node_filesystem_avail_bytes", stats.f_bavail * unit, **labels)
        samples.add("node_filesystem_files", stats.f_files, **labels)
        samples.add("node_filesystem_files_free", stats.f_ffree, **labels)
        samples.add("node_filesystem_readonly", float("ro" in part.opts.split(",")), **labels)


def read_disks(samples: Samples, machine: Machine) -> None:
    """Bytes, operations and seconds of each disk, partitions left out."""
    found = False
    for major, minor, device, *values in lines(machine.proc / "diskstats"):
        found = True
        if _IGNORED_DISKS.fullmatch(device):
            continue
        samples.add("node_disk_info", 1, major=major, minor=minor, **_named(device, machine))
        for (name, factor), value in zip(_DISK_FIELDS, values, strict=False):
            samples.add(f"node_disk_{name}", float(value) * factor, device=device)
    if not found:
        _read_disks_elsewhere(samples)


def _named(device: str, machine: Machine) -> dict[str, str]:
    folder = machine.sys / "block" / device / "device"
    found = {label: content(folder / file) for file, label in _LABEL_OF.items()}
    return {"device": device, **{label: text for label, text in found.items() if text}}


def _read_disks_elsewhere(samples: Samples) -> None:
    for device, disk in (psutil.disk_io_counters(perdisk=True, nowrap=False) or {}).items():
        samples.add("node_disk_read_bytes_total", disk.read_bytes, device=device)
        samples.add("node_disk_written_bytes_total", disk.write_bytes, device=device)
        samples.add("node_disk_reads_completed_total", disk.read_count, device=device)
        samples.add("node_disk_writes_completed_total", disk.write_count, device=device)
