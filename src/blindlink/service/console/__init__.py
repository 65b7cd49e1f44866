"""The console: pages for operator and auditor, made by the service and nobody else.

    sessions.py     one-time codes and signed-in browsers         signing_in.py   their pages
    visitors.py     who may see a page, and that a form is ours   forms.py        what a form sent
    render.py       templates, and the headers of every page      refusals.py     refusals as pages
    projects.py  progress.py  quality.py  audit.py  storage.py  health.py  actions.py    the pages

A page shows counts, states, digests and names of parties: never an encoding, an id of a row, a
score of a pair, or a secret. It reads what the API reads and does what the API does. There is one
script of our own, which fetches the progress of a run: htmx is not in it, because the one package
that ships a current htmx and is kept well (django-htmx) brings a second web framework along, which
is much code for one timer in a service that should be easy to look through.
"""
