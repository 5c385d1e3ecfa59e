"""Score any network on corrupted images."""

import sys

from mmct.cli.score import main

if __name__ == '__main__':
    sys.exit(main(prog='score.py'))
