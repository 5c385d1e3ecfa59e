"""Run a study: train and score each arm with each seed, then tables and figures."""

import sys

from mmct.cli.study import main

if __name__ == '__main__':
    sys.exit(main())
