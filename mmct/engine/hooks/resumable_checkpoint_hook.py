"""Save checkpoints from which a run resumes as if it had never stopped."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import (
    all_gather_object,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop, Runner
from mmpretrain.registry import HOOKS

from mmct.messages import require
from mmct.runs.averages import averages
from mmct.runs.checkpoint import (
    WholeFileBackend,
    check_resumable,
    forget_last_checkpoint,
    is_endless,
    load_safely,
    recount,
)
from mmct.runs.configs import reschedule
from mmct.runs.data_content import data_cache, data_mark
from mmct.runs.errors import CTError
from mmct.runs.files import write_text
from mmct.runs.identity import SEED, differences, fingerprint, in_short, score_readers
from mmct.runs.isolation import stop_workers
from mmct.runs.ranks import average_buffers, on_main_rank, unwrapped
from mmct.runs.reproducibility import (
    ReproducibleBatches,
    SkippedBatches,
    random_state,
    samplers,
    set_random_state,
)

# Key of a checkpoint under which this hook stores its data.
_KEY = 'mmct'


@HOOKS.register_module()
class ResumableCheckpointHook(CheckpointHook):
    """A ``CheckpointHook`` whose runs can be stopped and resumed unchanged.

    On the CPU, a run that was killed at any moment and resumed ends with weights that are
    bit-identical to those of an uninterrupted run. Epoch-based loops resume from the end of an
    epoch, iteration-based ones from any iteration. To this end:

    - Data loading workers are seeded from (seed, rank, worker, epoch).
    - The checkpoint contains the states of each process's random generators, and the gradients
      that are being accumulated.
    - Several processes average their BatchNorm statistics before each checkpoint and each
      validation.
    - Validation does not change the states of the generators.
    - A checkpoint is written under a temporary name and then moved into place, and the previous
      one is kept until the next is complete.

    A run resumes a checkpoint only if its settings are those that the checkpoint was saved with.
    ``tools/train.py`` replaces ``CheckpointHook`` with this hook.

    Args:
        *args: Arguments of ``mmengine.hooks.CheckpointHook``.
        on_other_config (str): What to do if the checkpoint to resume was saved with other
            settings: 'stop' or 'warn'. Defaults to 'stop'.
        **kwargs: Arguments of ``mmengine.hooks.CheckpointHook``.

    Raises:
        ValueError: If ``on_other_config``, ``interval`` or ``max_keep_ckpts`` is invalid.
    """

    def __init__(self, *args, on_other_config: str = 'stop', **kwargs) -> None:
        super().__init__(*args, **kwargs)
        rule = "ResumableCheckpointHook: on_other_config must be 'stop' or 'warn'"
        require(on_other_config in ('stop', 'warn'), rule, on_other_config)
        whole = isinstance(self.interval, int) and (self.interval > 0 or self.interval == -1)
        rule = 'ResumableCheckpointHook: interval must be an integer of 1 or more, or -1 for never'
        require(whole, rule, self.interval)
        rule = 'ResumableCheckpointHook: max_keep_ckpts must be an integer'
        require(isinstance(self.max_keep_ckpts, int), rule, self.max_keep_ckpts)
        self.on_other_config = on_other_config
        remote = '://' in str(self.out_dir)
        if self.backend_args is None and self.file_client_args is None and not remote:
            self.backend_args = dict(backend='whole_file')
        self._batches: ReproducibleBatches | None = None
        self._fingerprint: dict[str, Any] = {}
        # What to restore once the data loader has advanced.
        self._resumed: dict[str, Any] | None = None
        self._recounted = False
        # The states of all processes for the next checkpoint.
        self._states: list[dict] | None = None
        # The generators' states from before a validation, while it runs.
        self._before_val: dict[str, Any] | None = None
        self._buffers_are_shared = True
        # The formatted text of the config, by its content.
        self._config_text: dict[str, str] = {}

    def before_run(self, runner: Runner) -> None:
        """Take over the seeding of the training loader's workers.

        Args:
            runner (Runner): The runner. If it only tests, there is nothing to do.
        """
        load_safely(runner)
        loop = runner._train_loop
        if not isinstance(loop, BaseLoop):
            return
        if is_endless(loop):
            # mmengine 0.10.7 starts the workers when the loop is built.
            stop_workers(runner)
            loop.dataloader_iterator = None
        loader = loop.dataloader
        self._batches = ReproducibleBatches(loader, get_rank())
        cache = data_cache(runner.work_dir)
        data = on_main_rank(lambda: data_mark(loader.dataset, cache))
        self._fingerprint = fingerprint(runner.cfg, data, get_world_size())

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to resume a checkpoint that was saved with other settings.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint that was loaded.

        Raises:
            CTError: If the checkpoint cannot be resumed, or was saved with other settings; the
                message names them.
        """
        if not (runner._resume and self._fingerprint):
            return
        check_resumable(checkpoint, runner)
        ours = checkpoint.get(_KEY)
        if ours is not None:
            self._check_settings(runner, ours['fingerprint'])
        missing = bool(runner.param_schedulers) and 'param_schedulers' not in checkpoint
        if missing:
            self._check_schedule(runner)
        recounted = recount(checkpoint, runner, self._epoch_length(runner, checkpoint))
        self._recounted = recounted or missing
        if ours is None:
            runner.logger.warning(
                'The checkpoint was saved without random states: the run continues, but '
                'not as it would have without the interruption'
            )
            return
        self._resumed = ours
        if readers := score_readers(runner.cfg):
            runner.logger.warning(
                f'{readers[0]} reads the scores of the validation, and the checkpoint was saved '
                'before that of its epoch: the run continues, but may end otherwise than without '
                'the interruption'
            )

    def before_train(self, runner: Runner) -> None:
        """Prepare the files of a run that begins or resumes.

        Args:
            runner (Runner): The runner.
        """
        super().before_train(runner)
        self._forget_other_folders()
        self._remove_outdated()
        if self._recounted:
            reschedule(runner)
        if runner.iter:
            # mmengine draws a seed before it reads the checkpoint's.
            for sampler in samplers(runner.train_dataloader):
                if hasattr(sampler, 'seed') and self._fingerprint.get(SEED) is None:
                    sampler.seed = runner.seed
        else:
            # Another run's checkpoint must not be mistaken for this one's.
            forget_last_checkpoint(runner.work_dir)

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the workers; in the first epoch after a resume, restore the generators.

        Args:
            runner (Runner): The runner.
        """
        loop, seed = runner.train_loop, runner.seed
        if is_endless(loop):
            # With this setting of onedl-mmengine's loop, the loop skips nothing.
            skips = not getattr(loop, 'fast_forward_on_resume', False)
            batches = self._batches.endless(seed, loop.iter, reread=skips)
            loop.dataloader_iterator = SkippedBatches(batches, loop.iter if skips else 0)
        else:
            self._batches.begin(seed, runner.epoch)
        if self._resumed is not None:
            self._restore(runner, self._resumed['states'])
            self._resumed = None

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Note that the processes' BN statistics will differ after this step.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
        """
        self._buffers_are_shared = False

    def before_val(self, runner: Runner) -> None:
        """Remember the generators' states, and average the processes' BN statistics.

        Args:
            runner (Runner): The runner.
        """
        self._share_buffers(runner)
        self._before_val = random_state()

    def after_val(self, runner: Runner) -> None:
        """Restore the generators, because a resumed run does not repeat the validation.

        Args:
            runner (Runner): The runner.
        """
        if self._before_val is not None:
            set_random_state(self._before_val)
        self._before_val = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the settings and states that resuming needs.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint that will be saved.
        """
        if self._states is not None:
            checkpoint[_KEY] = dict(
                fingerprint=self._fingerprint,
                states=self._states,
                epoch_length=len(runner.train_dataloader),
            )
        # A OneCycleLR's state has one of its own functions, which no safe loading would read.
        states = checkpoint.get('param_schedulers') or []
        for own in states.values() if isinstance(states, dict) else [states]:
            for state in own:
                for name in [name for name, value in state.items() if callable(value)]:
                    del state[name]

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        # Like mmengine's, but with the states of all processes and an atomic `last_checkpoint`.
        self._share_buffers(runner)
        self._states = all_gather_object(_state(runner, self._before_val))
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            kept = [*self.keep_ckpt_ids, step]
            # The list includes the outdated one: if the run is killed before removing it,
            # mmengine removes the surplus when it resumes.
            runner.message_hub.update_info('keep_ckpt_ids', kept)
            self.keep_ckpt_ids.append(step)
            if len(kept) > self.max_keep_ckpts and is_main_process():
                self.file_backend.remove(self._path(kept[0]))
        self.last_ckpt = self._path(step)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        with _formatted_once(self._config_text):
            runner.save_checkpoint(
                self.out_dir,
                self.filename_tmpl.format(step),
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
        self._states = None
        if is_main_process():
            write_text(Path(runner.work_dir) / 'last_checkpoint', self.last_ckpt)
            self._remove_outdated()

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        super()._save_best_checkpoint(runner, metrics)
        self._remove_outdated()

    def _share_buffers(self, runner: Runner) -> None:
        # Each process has its own BN statistics, but a checkpoint holds only one set.
        if get_world_size() > 1 and not self._buffers_are_shared:
            average_buffers(unwrapped(runner))
            for average in averages(runner):
                average_buffers(average.module)
            self._buffers_are_shared = True

    def _forget_other_folders(self) -> None:
        # A run that continues in another folder replaces its own copy of the best checkpoint, if
        # there is one, but never the one in the first folder. mmengine's hook has at most one of
        # the two attributes.
        if hasattr(self, 'best_ckpt_path'):
            self.best_ckpt_path = self._own(self.best_ckpt_path)
        for name, path in getattr(self, 'best_ckpt_path_dict', {}).items():
            self.best_ckpt_path_dict[name] = self._own(path)

    def _own(self, path: str | None) -> str | None:
        own = path and self.file_backend.join_path(self.out_dir, Path(path).name)
        return own if own and self.file_backend.isfile(own) else None

    def _path(self, step: int) -> str:
        return self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))

    def _remove_outdated(self) -> None:
        # Other backends remove files at once.
        if isinstance(self.file_backend, WholeFileBackend):
            self.file_backend.remove_outdated()

    def _check_settings(self, runner: Runner, saved: Mapping[str, Any]) -> None:
        now = self._fingerprint
        if saved['world_size'] != now['world_size']:
            runner.logger.warning(
                f'The checkpoint is of {saved["world_size"]} processes, this run has '
                f'{now["world_size"]}: the run continues, but not as the other would have'
            )
        ignored = {'world_size'} if now.get(SEED) is not None else {'world_size', SEED}
        # The teacher's digest says whether it is the same, wherever its file is.
        ignored |= {
            key.replace('.type', '.checkpoint')
            for key, value in [*saved.items(), *now.items()]
            if value == 'NoBNTeacherHook'
        }
        differing = differences(saved, now, ignored)
        if not differing:
            return
        message = f'the checkpoint was saved with other settings ({in_short(differing)})'
        if self.on_other_config == 'stop':
            raise CTError(
                f'{message}: give the config of that run, use another --work-dir, or '
                'continue anyway with --allow-other-config'
            )
        rates = ('optim_wrapper', 'param_scheduler', 'student_lr_mult')
        stays = any(part in line.partition(':')[0] for line in differing for part in rates)
        hint = (
            '; learning rate, momentum and, in epochs of the same length, schedules are those of '
            'the checkpoint: for others, start from its weights with --cfg-options load_from=FILE'
        )
        runner.logger.warning(message + (hint if stays else ''))

    def _check_schedule(self, runner: Runner) -> None:
        message = 'the checkpoint has no state of the schedule (save_param_scheduler=False)'
        if self.on_other_config == 'stop' or is_endless(runner.train_loop):
            raise CTError(
                f'{message}: to start from its weights use --cfg-options load_from=FILE; with '
                "--allow-other-config an epoch-based run goes on with its config's schedule"
            )
        runner.logger.warning(f"{message}: the config's is brought to its epoch")

    def _epoch_length(self, runner: Runner, checkpoint: Mapping[str, Any]) -> int:
        """Return the iterations per epoch of the run that saved a checkpoint."""
        meta, ours, own = checkpoint['meta'], checkpoint.get(_KEY), len(runner.train_dataloader)
        if ours is None:
            return own
        if 'epoch_length' in ours:
            return ours['epoch_length']
        # Of an earlier version.
        alike = ours['fingerprint']['world_size'] == self._fingerprint['world_size']
        whole = meta['epoch'] and meta['iter'] % meta['epoch'] == 0
        return own if alike or not whole else meta['iter'] // meta['epoch']

    def _restore(self, runner: Runner, states: list[dict]) -> None:
        if len(states) != get_world_size():
            return
        state = states[get_rank()]
        parameters = dict(unwrapped(runner).named_parameters())
        for name, gradient in state['gradients'].items():
            parameters[name].grad = gradient.to(parameters[name])
        set_random_state(state['random'])


@contextmanager
def _formatted_once(known: dict[str, str]) -> Iterator[None]:
    """Format a config within the block only if its content has changed.

    mmengine adds the text to each checkpoint. For a small network, formatting it takes ten times
    as long as everything else.
    """
    formatted = Config.pretty_text

    def text(cfg: Config) -> str:
        content = repr(cfg._cfg_dict)
        if content not in known:
            known.clear()
            known[content] = formatted.fget(cfg)
        return known[content]

    Config.pretty_text = property(text)
    try:
        yield
    finally:
        Config.pretty_text = formatted


def _state(runner: Runner, random: dict | None) -> dict[str, Any]:
    """Collect what this process needs to resume."""
    wrapper, gradients = runner.optim_wrapper, {}
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    accumulating = (each for each in wrappers if getattr(each, '_accumulative_counts', 1) > 1)
    if not all(each.should_update() for each in accumulating):
        gradients = {
            name: parameter.grad.cpu()
            for name, parameter in unwrapped(runner).named_parameters()
            if parameter.grad is not None
        }
    return dict(random=random or random_state(), gradients=gradients)
