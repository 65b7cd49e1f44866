"""What commands print, in words."""
