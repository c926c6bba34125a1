"""The real command on a machine that denies it something.

    python -m tests.support.confined FILE_BYTES OPEN_FILES ARGUMENTS...

No file can become longer than FILE_BYTES, and no more than OPEN_FILES can be open (0: as the system has it); root is
refused what others are refused.
"""

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.support.command import CREDENTIALS, ROOT, Finished, command_line, environment

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
"""linux/prctl.h, linux/capability.h: what lets root read and write files whatever their modes say."""


def confined(
    *arguments: str | Path, folder: Path, file_bytes: int = 0, open_files: int = 0, timeout_s: float = 90
) -> Finished:
    """Run the command in `folder`, confined, and wait for its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.confined", str(file_bytes), str(open_files), *map(str, arguments)],
        cwd=folder,
        env={**environment(folder, CREDENTIALS), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


def can_confine() -> bool:
    """Whether file modes bind the command: they bind all but root, and Linux lets root give that up."""
    return os.geteuid() != 0 or sys.platform == "linux"


def main() -> None:
    """Give up, then become the command."""
    file_bytes, open_files, *command = sys.argv[1:]
    if int(open_files):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(open_files), int(open_files)))
    if int(file_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes), int(file_bytes)))
    if os.geteuid() == 0 and sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")
    os.execv(sys.executable, command_line(command))  # noqa: S606 - our own command


if __name__ == "__main__":
    main()
