"""Make a report from result files: an HTML page with tables and figures."""

import sys

from mmct.cli.report import main

if __name__ == '__main__':
    sys.exit(main())
