"""Build a run from a user's config, and report errors before anything is written."""

import copy
import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.dataset import InfiniteSampler
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import RUNNERS
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner
from mmpretrain.models import BaseClassifier
from mmpretrain.registry import HOOKS
from torch import nn
from torch.utils.data import DataLoader

from mmct.image_content import ImageError
from mmct.messages import missing_data

from .class_folders import check_class_folders
from .config_check import check_config
from .configs import type_name
from .divergence import DivergenceHook
from .domains import check_split
from .errors import CTError, config_errors
from .files import write_text
from .ranks import unwrapped
from .reproducibility import random_state, set_random_state


def set_loader_defaults(cfg: Config, field: str, **defaults: object) -> None:
    """Add the settings of a data loader that mmpretrain's own tools add.

    Without the collate function, images would be normalised one by one.

    Args:
        cfg (Config): The config, changed in place.
        field (str): Key of the loader, such as 'train_dataloader'.
        **defaults: Further settings that the config may lack.
    """
    if cfg.get(field) is None:
        return
    loader = ConfigDict(
        collate_fn=dict(type='default_collate'),
        # Without a GPU that can use it, torch would warn at every epoch.
        pin_memory=get_device() not in ('cpu', 'mps'),
        **defaults,
    )
    loader.update(copy.deepcopy(cfg[field]))
    # Without workers, none can persist. The setting is explicit, as mmpretrain's
    # tool has another default for a dumped config.
    if not loader.get('num_workers'):
        loader.persistent_workers = False
    cfg[field] = loader


def build_hook(settings: Mapping[str, Any]) -> Hook:
    """Build a hook from its settings as a Runner does, which takes out the priority before.

    Args:
        settings (Mapping): The settings; they are not changed.
    """
    own = {key: value for key, value in settings.items() if key != 'priority'}
    return HOOKS.build(copy.deepcopy(own))


class _UsersRunner:
    """A mixin for Runners that dumps the config late, and turns its errors into ConfigErrors.

    mmengine's Runner dumps the config when it is built, so a refused start or a test would replace
    the config of the run in the work dir.
    """

    def dump_config(self) -> None:
        # A copy, as building from the config may change it.
        self.config_to_dump = copy.deepcopy(self.cfg)

    # A tracker may use the random generators to draw a name for its run, and training must not
    # depend on that.
    def build_visualizer(self, *args, **kwargs):
        self._before_tracking = random_state()
        return super().build_visualizer(*args, **kwargs)

    def build_model(self, *args, **kwargs):
        set_random_state(self._before_tracking)
        return super().build_model(*args, **kwargs)

    def wrap_model(self, *args, **kwargs):
        model = super().wrap_model(*args, **kwargs)
        check_synchronised(model)
        return model

    # mmengine builds these when training begins.
    def build_train_loop(self, *args, **kwargs):
        with config_errors():
            return super().build_train_loop(*args, **kwargs)

    def build_optim_wrapper(self, *args, **kwargs):
        with config_errors():
            wrapper = super().build_optim_wrapper(*args, **kwargs)
        check_finite(wrapper)
        return wrapper

    def build_param_scheduler(self, *args, **kwargs):
        with config_errors():
            return super().build_param_scheduler(*args, **kwargs)


def check_finite(wrapper: OptimWrapper | OptimWrapperDict) -> None:
    """Refuse an optimizer with a setting that is not finite, which torch accepts.

    Args:
        wrapper (OptimWrapper | OptimWrapperDict): Wrapper of the optimizer.

    Raises:
        CTError: If a setting is not finite; the message names it.
    """
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    for group in chain.from_iterable(each.param_groups for each in wrappers):
        for name, value in group.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise CTError(f'optim_wrapper.optimizer: {name} is {value}')


def check_synchronised(model: nn.Module) -> None:
    """Refuse a network that has lost activations to mmengine's ``sync_bn``.

    Args:
        model (nn.Module): The network, after the conversion.

    Raises:
        CTError: If a SyncBatchNorm has layers of its own, which it does not use.
    """
    for name, layer in model.named_modules():
        if type(layer) is nn.SyncBatchNorm and layer._modules:
            raise CTError(
                f'sync_bn makes {name} a layer without its {" and ".join(layer._modules)}: '
                'leave sync_bn out'
            )


class _DumpConfig(Hook):
    """Dump the config once the teacher exists and training begins."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        dump_config(runner)


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config, which dumps the config late and stops on divergence.

    Args:
        cfg (Config): A complete config.

    Returns:
        Runner: A Runner of the config's ``runner_type``, if it has one.

    Raises:
        CTError: If the type is unknown, the model is missing, the domains of data sets are split
            differently, or anything else in the config cannot be built.
    """
    if not cfg.get('model'):
        raise CTError(f'config {cfg.filename} has no model')
    check_split(cfg)
    check_config(cfg)
    name = cfg.get('runner_type', 'Runner')
    kind = RUNNERS.get(name)
    if kind is None:
        raise CTError(f'runner_type={name}: there is no such Runner')
    if not issubclass(kind, Runner):
        raise CTError(
            f"runner_type={name} does not work with mmct, which needs a Runner of mmengine's: "
            "leave it out, or name a subclass of mmengine's Runner"
        )
    wrapper = type_name(cfg.get('model_wrapper_cfg') or {})
    if wrapper == 'MMFullyShardedDataParallel':
        raise CTError(
            f'model_wrapper_cfg.type={wrapper} splits the weights, which mmct compares and keeps '
            'whole: use MMDistributedDataParallel'
        )
    with config_errors():
        runner = type(kind.__name__, (_UsersRunner, kind), {}).from_cfg(cfg)
    runner.register_hook(_DumpConfig())
    runner.register_hook(DivergenceHook())
    return runner


def is_simulated(runner: Runner) -> bool:
    """Check for a simulated run that trains nothing, as in mmpretrain's ``vis_scheduler.py``.

    Such a run has the hooks of the config, but neither its network nor its data: a list of numbers
    replaces the loader.

    Args:
        runner (Runner): Any runner.

    Returns:
        bool: True for a simulated run.
    """
    loader = getattr(runner._train_loop, 'dataloader', None)
    return isinstance(loader, list) and not isinstance(unwrapped(runner), BaseClassifier)


def is_training(runner: Runner) -> bool:
    """Return whether a run trains a network, rather than tests one or draws its schedule.

    Args:
        runner (Runner): A runner whose loop is built, as it is from ``before_run`` on.
    """
    return isinstance(runner._train_loop, BaseLoop) and not is_simulated(runner)


def training_progress(runner: Runner, batch_idx: int) -> float:
    """Return which fraction of the training was done before a step, in [0, 1).

    In a training by epochs it is not counted in steps, since one that goes on in another number of
    processes has other steps from then on.

    Args:
        runner (Runner): The runner.
        batch_idx (int): Index of the batch in its epoch.
    """
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        epochs = runner.epoch + batch_idx / len(runner.train_dataloader)
        return epochs / runner.max_epochs
    return runner.iter / runner.max_iters


def dump_config(runner: Runner, replace: bool = True) -> None:
    """Write the config into the work dir, under the name of its file.

    Args:
        runner (Runner): A runner from :func:`build_runner`.
        replace (bool): Whether to replace the config of an earlier run. Defaults to True.
    """
    name = Path(runner.cfg.filename or f'{runner.timestamp}.py').name
    file = Path(runner.work_dir) / name
    if is_main_process() and (replace or not file.exists()):
        write_text(file, runner.config_to_dump.dump())


def data_loader(runner: Runner, split: str, option: str | None = None) -> DataLoader:
    """Build the loader of a split, and check its classes against the head.

    Args:
        runner (Runner): The runner that owns the loader.
        split (str): 'train', 'val' or 'test'.
        option (str, optional): The option that names the folder of the data, for the
            message. Defaults to None: the setting of the config.

    Returns:
        DataLoader: The loader of the runner.

    Raises:
        CTError: If there is no data, an image is damaged, there is no batch, a system folder is
            read, the head has another number of classes, or the loader cannot be built.
    """
    field = f'{split}_dataloader'
    with config_errors():
        try:
            loader = getattr(runner, field)
        except CTError:
            raise
        except ImageError as error:
            raise CTError(f'{field}: {error}') from error
        except (OSError, RuntimeError) as error:
            option = option or f'--cfg-options {field}.dataset.data_root=FOLDER'
            raise CTError(
                f'no data for {field}: {missing_data(error)}; put the data there, or name its '
                f'folder with {option}'
            ) from error
    check_class_folders(loader.dataset)
    if not len(loader) and not isinstance(loader.sampler, InfiniteSampler):
        raise CTError(
            f'{field} has no batch: there are {len(loader.sampler)} images for each process, fewer '
            'than batch_size, and drop_last=True leaves them out: choose a smaller batch_size'
        )
    classes = getattr(loader.dataset, 'metainfo', {}).get('classes')
    head = getattr(getattr(runner.model, 'module', runner.model), 'head', None)
    expected = getattr(head, 'num_classes', None)
    if classes is not None and expected is not None and len(classes) != expected:
        raise CTError(
            f'the data has {len(classes)} classes but the head has {expected}: set '
            f'model.head.num_classes={len(classes)}, or check the data folder'
        )
    return loader
