"""Learning-curve tables: what trials would have reported, recorded."""
