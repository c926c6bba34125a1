"""Stage "send": one message on the wire, and what its answer means. Only `client` and `wire` know the SDK."""
