"""One file for each attack, one for the metrics of a whole file; ``risk.catalogue`` lists them.

A metric of the file is a function of a Case, an attack a function of a Case and a View; both yield
the lines of the report.
"""
