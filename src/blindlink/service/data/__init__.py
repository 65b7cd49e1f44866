"""Where everything is kept: database, storage, log, witness folder, backups."""
