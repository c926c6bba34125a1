"""What a plan, a ledger and a simulator say to people and to `--json`: the same numbers, two faces."""
