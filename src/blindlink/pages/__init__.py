"""One kit for pages and charts."""
