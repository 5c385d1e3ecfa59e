"""Training images, outside the training loop."""

import copy
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_world_size, is_main_process
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmct.runs.checkpoint import load_state_dict, safe_loading
from mmct.runs.configs import scoped
from mmct.runs.errors import CTError
from mmct.runs.isolation import stop_workers
from mmct.runs.ranks import unwrapped
from mmct.runs.resume import checkpoint_to_resume
from mmct.scoring.accuracy import Accuracy, evaluate

from .config import TeacherRecipe
from .store import TeacherStore


@torch.no_grad()
def training_inputs(runner: Runner, model: nn.Module, num_batches: int) -> Tensor:
    """Preprocessed training images, drawn at random.

    Args:
        runner (Runner): Holds the data.
        model (nn.Module): Its ``data_preprocessor`` is used.
        num_batches (int): As many images as all processes see in that many
            steps.

    Returns:
        Tensor: Shape ``(N, C, H, W)``, on the model's device.
    """
    loader = runner.train_dataloader
    batch_size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    size = num_batches * batch_size * get_world_size()
    # A generator of its own: the same images whatever was drawn before.
    order = torch.randperm(
        len(loader.dataset), generator=torch.Generator().manual_seed(0)
    )
    batch = loader.collate_fn([loader.dataset[i] for i in order[:size].tolist()])
    return model.data_preprocessor(batch, False)['inputs']


# Without validation, accuracies are measured on so many training batches.
_TRAINING_BATCHES = 50


def train_teacher(outer: Runner, cfg: Config, store: TeacherStore, resume: bool) -> None:
    """Train the teacher with a Runner of its own and keep it.

    Args:
        outer (Runner): The student's.
        cfg (Config): What :func:`teacher_config` returned; changed.
        store (TeacherStore): Where it is kept.
        resume (bool): Whether to go on from its last checkpoint.
    """
    started = time.time()
    path = checkpoint_to_resume(cfg.work_dir, 'auto') if resume else None
    cfg.resume = path is not None
    cfg.load_from = path or cfg.get('load_from')
    if path is not None:
        try:
            load_state_dict(path)
        except CTError as error:
            raise CTError(
                f'{error}; to begin the teacher anew, move {store.folder} away'
            ) from error
    # The student's seed, also where the config leaves it to chance.
    cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': outer.seed}
    # Runs that begin in the same second would share logger and hub.
    cfg.experiment_name = f'{outer.experiment_name}_teacher'
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    try:
        with safe_loading():
            runner.train()
        accuracy, measured_on = measure(runner, [unwrapped(runner)])
    finally:
        stop_workers(runner)
        # Under torch.compile what stage one compiled would count against the
        # limit of recompilations, and more of the student would run eagerly
        # than with a cached teacher, which rounds otherwise.
        torch.compiler.reset()
    if is_main_process():
        weights = unwrapped(runner).state_dict()
        record = as_record(accuracy, measured_on, 'trained')
        store.finish(
            {name: value.cpu() for name, value in weights.items()},
            **record,
            seconds=time.time() - started,
        )
    barrier()


def build_teacher(
    runner: Runner, weights: dict[str, Tensor], source: str | Path, recipe: TeacherRecipe
) -> ImageClassifier:
    """The network of the student's config, without BN, with given weights.

    Args:
        runner (Runner): The student's.
        weights (dict[str, Tensor]): A state dict.
        source (str | Path): Where it is from, for messages.
        recipe (TeacherRecipe): Says whether BN is removed.

    Returns:
        ImageClassifier: On the CPU.

    Raises:
        CTError: If the weights are of a BN network and should not be, or the
            other way round, or of another architecture.
    """
    cfg = copy.deepcopy(runner.cfg.model)
    cfg.type = scoped(runner.cfg, recipe.model_type)
    cfg.pop('consistency', None)
    # A copy: building a model fills in what its config leaves out.
    cfg.setdefault('data_preprocessor', copy.deepcopy(runner.cfg.get('data_preprocessor')))
    with_bn = [name for name in weights if name.endswith('running_var')]
    if with_bn and recipe.remove_bn:
        raise CTError(
            f'teacher {source} is not BN-free, it has {with_bn[0]}: give a checkpoint '
            'of a BN-free run, or let CT train the teacher (no --teacher)'
        )
    if not with_bn and not recipe.remove_bn:
        raise CTError(f'teacher {source} has no BN, but NoBNTeacherHook has remove_bn=False')
    teacher = MODELS.build(cfg)
    try:
        teacher.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise CTError(
            f"teacher {source} does not fit the student's architecture: {lines[0][:200]}"
        ) from error
    return teacher


def measure(runner: Runner, models: list) -> tuple[Accuracy, str]:
    """Accuracy on the validation set, or on training images without one.

    Args:
        runner (Runner): Holds the data.
        models (list): Models to score.

    Returns:
        tuple[Accuracy, str]: With what it was measured on, 'validation' or
        'training'.
    """
    if runner.val_loop is not None:
        return evaluate(models, runner.val_loop.dataloader), 'validation'
    return evaluate(models, runner.train_dataloader, _TRAINING_BATCHES), 'training'


def as_record(accuracy: Accuracy, measured_on: str, source: str) -> dict[str, Any]:
    """What a record keeps of a teacher's accuracy.

    Args:
        accuracy (Accuracy): The teacher's.
        measured_on (str): 'validation' or 'training'.
        source (str): 'trained', or the teacher's file.

    Returns:
        dict[str, Any]: Values that JSON can hold.
    """
    return dict(
        source=source,
        accuracy_pct=accuracy.accuracy[0],
        chance_pct=accuracy.chance,
        num_images=accuracy.num_images,
        measured_on=measured_on,
    )
