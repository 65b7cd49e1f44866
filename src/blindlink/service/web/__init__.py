"""The front door: HTTP, who calls, what is refused."""
