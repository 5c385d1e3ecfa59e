"""Say why networks fail under corruption."""

import sys

from mmct.cli.diagnose import main

if __name__ == '__main__':
    sys.exit(main(prog='diagnose.py'))
