"""The agreement that all parties sign, and the secret that two owners share."""
