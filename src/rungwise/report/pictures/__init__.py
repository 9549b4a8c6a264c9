"""Pictures of experiments and tables: matplotlib, imported when one is drawn."""
