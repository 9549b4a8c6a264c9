"""`python -m rungwise`: the command line."""

from rungwise.cli.main import main

if __name__ == "__main__":
    main()
