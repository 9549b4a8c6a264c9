"""Where trials run: the simulator, local processes."""
