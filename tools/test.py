"""Evaluate a checkpoint, a stock model's or a CT student's; also on corrupted images."""

import sys

from mmct.cli.test import main

if __name__ == '__main__':
    sys.exit(main())
