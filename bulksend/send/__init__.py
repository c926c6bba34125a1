"""Stage "send": one message on the wire, and what its answer means. Only `aws` knows the SDK."""
