"""The densities of BOHB: of good and of bad configurations, and what is likelier among the good ones."""
