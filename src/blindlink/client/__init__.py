"""The client of the linkage service: sends sealed files, keeps what comes back, checks it.

It reads containers, agreements and public keys, and signs with an authentication key. Whatever is
no blindlink container it does not send.
"""
