"""One file for each metric and each attack; ``blindlink.owner.risk.catalogue`` lists them.

A metric of the file is a function of a Case, an attack a function of a Case and a View; both yield
the lines of the report.
"""
