"""`bulksend` with a sampling profiler: `python -m benchmarks.profiled FILE WORDS...` appends stacks to FILE.

The system interrupts whichever thread uses the processor, after every so many milliseconds of processor time of the
whole process; a handler in C (`faulthandler`) writes that thread's stack at once. So no thread waits for another one to
be asked, as with a sampler in Python, and what C code takes is charged to the line that called it.
"""

import faulthandler
import signal
import sys

INTERVAL_S = 0.001
"""Of processor time; most systems round it up to their tick, 1 to 10 ms."""


def main() -> None:
    """Run the command while it is sampled, and leave with its exit code."""
    file, *words = sys.argv[1:]
    out = open(file, "a")  # noqa: PTH123, SIM115 - the handler writes to it until the process ends
    faulthandler.register(signal.SIGPROF, file=out, all_threads=False, chain=False)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    from bulksend.cli.app import run

    code = run(words)
    signal.setitimer(signal.ITIMER_PROF, 0)
    sys.exit(code)


if __name__ == "__main__":
    main()
