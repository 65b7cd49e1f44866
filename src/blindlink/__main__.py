"""``python -m blindlink``."""

from blindlink.cli import main

if __name__ == "__main__":
    main()
