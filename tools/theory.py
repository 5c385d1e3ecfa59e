"""Compute and draw what normalisation does to least-norm regression (docs/theory.md)."""

import sys

from mmct.cli.theory import main

if __name__ == '__main__':
    sys.exit(main())
