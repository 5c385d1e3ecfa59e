"""List the networks of the model zoo, and fetch them."""

import sys

from mmct.cli.zoo import main

if __name__ == '__main__':
    sys.exit(main(prog='zoo.py'))
