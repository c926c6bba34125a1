"""A process that plans a list, or only looks at its numbers: `python -m benchmarks.planners WHICH LIST`."""

import csv
import json
import sys
import time
from pathlib import Path

from benchmarks.usage import cpu_of_all_s


def run_phonenumbers(file: Path) -> None:
    """The yardstick."""
    import phonenumbers

    with file.open(newline="") as lines:
        for cells in csv.DictReader(lines):
            phonenumbers.is_valid_number(phonenumbers.parse(cells["phone"], "US"))


def run_plan(file: Path) -> None:
    """The whole plan, ledger included."""
    import msgspec

    from bulksend.base.clock import SystemClock
    from bulksend.config.load import load_settings
    from bulksend.pipeline.plan import make_plan

    identities = [{"id": "20440", "mps": 100, "countries": ["US"]}, {"id": "ACME", "mps": 10, "countries": ["DE"]}]
    environ = {
        "BULKSEND_CAMPAIGN_NAME": "benchmark",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hi {{ name }}, your code is {{ code }}",
        "BULKSEND_RECIPIENTS_DEFAULT_COUNTRY": "US",
        "BULKSEND_IDENTITIES": msgspec.json.encode(identities).decode(),
    }
    ledger = file.with_suffix(".db")
    ledger.unlink(missing_ok=True)
    make_plan(load_settings(None, environ=environ), str(file), ledger, clock=SystemClock())


def main() -> None:
    """Do it, and print what it took; the start of Python is not in it."""
    which, file = sys.argv[1], Path(sys.argv[2])
    started_s, used_s = time.perf_counter(), cpu_of_all_s()
    {"phonenumbers": run_phonenumbers, "plan": run_plan}[which](file)
    print(json.dumps({"wall_s": time.perf_counter() - started_s, "cpu_s": cpu_of_all_s() - used_s}))


if __name__ == "__main__":
    main()
