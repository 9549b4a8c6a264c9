"""What people see of an experiment: the live view, tables, the last word and the picture of the ladder."""
