"""The disclosure gate: nothing leaves the analyst but what ``gate.release`` lets through.

policy       the data controller's rules
variables    every count of every table as an unknown, and every declared relation
defaults     the populations of a table that declares none
methods      what is printed: exact, rounded so that it adds up, or with noise
suppress     what is withheld; attack: what a reader could still work out
differencing earlier releases; register: all that are out
publishing   from a table and what is withheld to what may be published; reasons: why
safe         the only tables that the report, spreadsheet and files are made of
own          tables of the analyst's own
"""
