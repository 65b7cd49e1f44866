"""What survives a loss: the witness folder, backups, and coming back held against both."""
