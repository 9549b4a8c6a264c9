"""Values and protocols every other room speaks in: no I/O, no clock, no heavy import."""
