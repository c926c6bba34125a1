"""Stage "send": one message on the wire, and what its answer means. `client`, `sdk_errors`, `wire` know the SDK."""
