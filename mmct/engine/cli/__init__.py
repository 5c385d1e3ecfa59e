"""What the command-line tools share."""

from .checks import check_amp, check_checkpoint, check_classes, data_loader
from .config_file import load_config
from .options import (
    CONFIG_HELP,
    Parser,
    add_common_arguments,
    merge_cfg_options,
    merge_common_arguments,
    set_loader_defaults,
    set_teacher_options,
)
from .running import build_runner, dump_config, run_tool

__all__ = [
    'CONFIG_HELP',
    'Parser',
    'add_common_arguments',
    'build_runner',
    'check_amp',
    'check_checkpoint',
    'check_classes',
    'data_loader',
    'dump_config',
    'load_config',
    'merge_cfg_options',
    'merge_common_arguments',
    'run_tool',
    'set_loader_defaults',
    'set_teacher_options',
]
