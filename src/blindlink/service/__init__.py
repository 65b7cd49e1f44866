"""The linkage service: the trusted third party over HTTP. It adds convenience and no power.

    web        api/        who may do what stands with each endpoint; the rest is refused
    worker     worker.py   takes jobs from the queue: verify, run, destroy, sign a head
    operator   backup.py, restore.py: held against what witness.py keeps outside of the database
    all        models.py   one database (SQLite or PostgreSQL), one storage (folder or S3)

Every decision about a submission or a run is taken by the code that ``blindlink linker`` runs with
files. A project's state follows from its audit log, here as there. The linker's private keys are
known to workers only.
"""
