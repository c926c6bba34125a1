"""Campaigns from a program: what the commands do, as typed asynchronous functions without a command line around them.

Nothing in here prints, reads the environment, takes signals, or changes what the whole process has (limits of the
system, garbage collection, the event loop): what a command does of that, it hands in (`Hooks`). Several campaigns can
run at once in one process, each with a ledger of its own. What programs use is exported by `bulksend` itself.
"""
