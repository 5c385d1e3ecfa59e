"""What the command-line tools share."""

from .checks import (
    check_amp,
    check_checkpoint,
    check_classes,
    check_resumed,
    claim_work_dir,
    data_loader,
)
from .corruption_options import (
    add_corruption_arguments,
    check_corruption_arguments,
    seed_argument,
    set_corruptions,
    severity_argument,
)
from .options import (
    CONFIG_HELP,
    Parser,
    add_cfg_options,
    add_common_arguments,
    load_config,
    merge_cfg_options,
    merge_common_arguments,
    set_checkpoints,
    set_loader_defaults,
    set_teacher_options,
)
from .running import DumpWholeResults, build_runner, dump_config, run_tool, write_result

__all__ = [
    'CONFIG_HELP',
    'DumpWholeResults',
    'Parser',
    'add_cfg_options',
    'add_common_arguments',
    'add_corruption_arguments',
    'build_runner',
    'check_amp',
    'check_checkpoint',
    'check_classes',
    'check_corruption_arguments',
    'check_resumed',
    'claim_work_dir',
    'data_loader',
    'dump_config',
    'load_config',
    'merge_cfg_options',
    'merge_common_arguments',
    'run_tool',
    'seed_argument',
    'set_checkpoints',
    'set_corruptions',
    'set_loader_defaults',
    'set_teacher_options',
    'severity_argument',
    'write_result',
]
