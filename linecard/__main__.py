"""`python -m linecard` is the command `linecard`."""

import sys

from linecard import cli

if __name__ == "__main__":
    sys.exit(cli.main())
