"""The signed and sealed file that everything travels in."""
