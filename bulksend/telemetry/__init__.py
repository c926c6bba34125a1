"""How a run goes, told to machines that watch it: Prometheus, container probes, OpenTelemetry."""
