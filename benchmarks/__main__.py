"""`python -m benchmarks` lists the benchmarks; `python -m benchmarks NAME [options]` runs one."""

import importlib
import sys

NAMES = {
    "pacing": "how much of a limit is used, and the fullest second, beside the obvious alternatives",
    "idle": "what a start, a pause and a restart do to the fullest second, with a plot",
    "headroom": "how much of a limit has to stay unused, and why",
    "plan": "planning a list, beside a bare phonenumbers loop over the same list",
}


def main() -> int:
    """List, or run one."""
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        for name, what in NAMES.items():
            print(f"{name:<10} {what}")
        return 0 if len(sys.argv) < 2 else 2
    module = importlib.import_module(f"benchmarks.bench_{sys.argv[1]}")
    return int(module.main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
