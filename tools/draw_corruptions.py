"""Draw all corruptions of an image: a row per corruption, a column per severity."""

import sys

from mmct.cli.draw import main

if __name__ == '__main__':
    sys.exit(main())
