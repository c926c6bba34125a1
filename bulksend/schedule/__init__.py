"""When messages may go out: moments, windows in recipients' own time, and the time zones that recipients are in."""
