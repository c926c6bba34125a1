"""Which identity a row is sent from, and which limit that identity counts against."""
