"""Where the stages meet: planning (read to ledger) and sending (claim to record)."""
