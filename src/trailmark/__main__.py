"""`python -m trailmark` is the same as `trailmark`."""

from trailmark.cli import main

if __name__ == "__main__":
    main()
