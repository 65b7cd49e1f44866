"""The disclosure gate: nothing leaves the analyst but what ``disclosure.release`` lets through.

policy       the data controller's rules
cells        every count of every table as an unknown; relations, twins, sums: what ties them
suppression  which counts are withheld; attacker: what somebody could still work out; cover
differencing earlier releases
safe         the only tables that the report, spreadsheet and files are made of
"""
