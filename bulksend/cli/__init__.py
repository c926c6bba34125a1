"""Where real parts are put together, and the only place that touches the environment, argv and signals."""
