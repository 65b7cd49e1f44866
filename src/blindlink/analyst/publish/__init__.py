"""Tables as page, workbook and files."""
