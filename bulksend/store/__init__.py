"""Stage "ledger": the durable record of a campaign in SQLite, from the plan to the export."""
