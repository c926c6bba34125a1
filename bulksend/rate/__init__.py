"""Stage "meter": how fast each bucket may go, and how much may be in the air."""
