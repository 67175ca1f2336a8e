"""`python -m freespan`: the same as the `freespan` command."""

from freespan.cli.main import main

if __name__ == "__main__":
    main()
