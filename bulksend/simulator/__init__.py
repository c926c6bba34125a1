"""The embedded stand-in for AWS End User Messaging SMS: for the demo, rehearsals, tests and benchmarks.

`service` is the service itself, without HTTP, with clock and randomness injected; `server` puts it on loopback. The
stages of the pipeline never import anything from here.
"""
