"""What the trusted third party does with files: receive, freeze, link, release, destroy."""
