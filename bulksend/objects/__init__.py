"""Stage "objects": files that are kept in S3, brought to this machine and written there. Only `s3` knows the SDK."""
