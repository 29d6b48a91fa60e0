"""What the machine is, and what of it is in use."""

from __future__ import annotations

import platform
import shlex

from madang.collect.host.readers.machine import Machine, content, lines, number
from madang.collect.host.samples import Samples

_RELEASE = (
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
)


def read_uname(samples: Samples, machine: Machine) -> None:
    """Kernel, machine and name."""
    name = platform.uname()
    labels = {
        "sysname": name.system,
        "release": name.release,
        "version": name.version,
        "machine": name.machine,
        "nodename": name.node,
        "domainname": content(machine.proc / "sys/kernel/domainname") or "",
    }
    samples.add("node_uname_info", 1, **labels)


def read_release(samples: Samples, machine: Machine) -> None:
    """The operating system, of /etc/os-release."""
    found: dict[str, str] = {}
    for line in (content(machine.etc / "os-release") or "").splitlines():
        key, sign, value = line.partition("=")
        if sign and not key.startswith("#"):
            words = shlex.split(value)
            found[key.strip().lower()] = words[0] if words else ""
    if not found:
        return
    samples.add("node_os_info", 1, **{key: found.get(key, "") for key in _RELEASE})
    try:
        version = float(".".join(found.get("version_id", "").split(".")[:2]))
    except ValueError:
        return  # a rolling release
    labels = {key: found.get(key, "") for key in ("id", "id_like", "name")}
    samples.add("node_os_version", version, **labels)


def read_open_files(samples: Samples, machine: Machine) -> None:
    """Open files, and how many there may be."""
    for words in lines(machine.proc / "sys/fs/file-nr"):
        samples.add("node_filefd_allocated", float(words[0]))
        samples.add("node_filefd_maximum", float(words[2]))


def read_entropy(samples: Samples, machine: Machine) -> None:
    """Bits of the kernel's random numbers."""
    folder = machine.proc / "sys/kernel/random"
    for file, name in (("entropy_avail", "available"), ("poolsize", "pool_size")):
        bits = number(folder / file)
        if bits is not None:
            samples.add(f"node_entropy_{name}_bits", bits)


def read_selinux(samples: Samples, machine: Machine) -> None:
    """Whether SELinux guards the machine, and whether it forbids or only tells."""
    folder = machine.sys / "fs/selinux"
    enabled = (folder / "enforce").exists()
    samples.add("node_selinux_enabled", float(enabled))
    mode = number(folder / "enforce")
    if mode is not None:
        samples.add("node_selinux_current_mode", mode)
