"""Studies: each folder is one."""
