"""Train a model; with a CT config, its BN-free teacher first."""

import sys

from mmct.cli.train import main

if __name__ == '__main__':
    sys.exit(main())
