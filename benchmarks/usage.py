"""What processes have used so far. Imports nothing of ours: it is part of what is measured."""

import os
import resource
from pathlib import Path


def cpu_s() -> float:
    """Processor time of this process, all threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cpu_of_all_s() -> float:
    """The same with the processes that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def cpu_of(pid: int) -> float:
    """Processor time of another process, all threads, user and system; from Linux's /proc, in its ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib() -> float:
    """Most memory of this process that was resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
