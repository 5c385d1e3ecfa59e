"""Make a corruption set on disk from the test set of a config."""

import sys

from mmct.cli.corrupt import main

if __name__ == '__main__':
    sys.exit(main())
