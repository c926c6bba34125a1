"""Starts a command and writes what it took to a file: `python -I -S launch.py FILE WORDS...`.

Linux counts the memory of whoever starts a process as the most that the process ever had, so this is kept as small as
an interpreter gets: it imports nothing of ours.
"""

import os
import sys
import time

TAKEN = "{wall_s} {cpu_s} {peak_kib} {code}"


def main() -> None:
    """Start, wait, write: seconds, seconds of processor time, KiB, exit code."""
    file, *words = sys.argv[1:]
    began = time.perf_counter()
    child = os.posix_spawnp(words[0], words, os.environ)
    _, status, usage = os.wait4(child, 0)
    taken = TAKEN.format(
        wall_s=time.perf_counter() - began,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_kib=usage.ru_maxrss,
        code=os.waitstatus_to_exitcode(status),
    )
    with open(file, "w") as out:  # noqa: PTH123 - pathlib is megabytes
        out.write(taken)


main()
