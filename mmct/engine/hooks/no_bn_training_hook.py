"""Start, watch and end a training without BatchNorm."""

import copy
import logging

from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_state_dict as load_into
from mmpretrain.registry import HOOKS
from torch import nn

from mmct.messages import require
from mmct.models import (
    are_standardised,
    build_classifier,
    calibrate,
    check_removal,
    remove_batch_norm,
)
from mmct.runs.averages import restart_averages
from mmct.runs.building import is_simulated
from mmct.runs.configs import type_name
from mmct.runs.divergence import LossHook
from mmct.runs.errors import CTError
from mmct.runs.identity import start_of
from mmct.runs.ranks import unwrapped
from mmct.runs.weights import check_some_fit, load_state_dict, safe_loading
from mmct.teacher.config import is_pretrained
from mmct.teacher.start import share, training_inputs


@HOOKS.register_module()
class NoBNTrainingHook(LossHook):
    """Initialises a BN-free network, and stops its training when the loss is not finite.

    The hook initialises once, after mmengine has drawn or loaded the weights; a resumed run keeps
    its weights. It is for a ``NormFreeClassifier`` or a ``NormFreeBackbone``. The BN-free network
    is the teacher of https://arxiv.org/abs/2207.01548; its initialisation is our choice.

    Args:
        init (str): How the network starts: 'identity', 'fold' or 'calibrate', see
            :func:`mmct.models.remove_batch_norm`. With 'identity', BN's weights and biases in a
            checkpoint are those of the layers without BN. Defaults to 'calibrate'.
        granularity (str): 'layer' or 'channel', see
            :func:`mmct.models.calibrate`. Defaults to 'layer'.
        calibration_batches (int): Number of training batches to calibrate on, drawn at
            random. Defaults to 1.
        checkpoint (str, optional): Weights of the BN network to start from, whose statistics
            'fold' uses. Defaults to None, the config's ``load_from`` or ``init_cfg``.

    Raises:
        ValueError: If a value is out of its range.
    """

    priority = 'LOW'
    loss_name = 'the loss without BN'
    remedies = (
        'lower the lr, clip the gradients (clip_grad=dict(max_norm=1)), start with '
        "init='calibrate', or add a warm-up; in CT runs the first three are settings of "
        'NoBNTeacherHook, as by --cfg-options custom_hooks.0.lr=RATE if it is the first hook there'
    )

    def __init__(
        self,
        init: str = 'calibrate',
        granularity: str = 'layer',
        calibration_batches: int = 1,
        checkpoint: str | None = None,
    ) -> None:
        check_removal('NoBNTrainingHook', init, granularity)
        rule = 'NoBNTrainingHook: calibration_batches must be at least 1'
        require(calibration_batches >= 1, rule, calibration_batches)
        self.init = init
        self.granularity = granularity
        self.calibration_batches = calibration_batches
        self.checkpoint = checkpoint

    def before_train(self, runner: Runner) -> None:
        """Initialise the network, unless the run is resumed.

        Args:
            runner (Runner): The runner that trains the BN-free network.
        """
        if runner.iter > 0 or is_simulated(runner):
            return
        model = unwrapped(runner)
        if self.init == 'fold':
            if are_standardised(model.state_dict()):
                raise CTError(
                    "NoBNTrainingHook: init='fold' does not go with weight_standardisation, which "
                    "changes the weights: use init='calibrate'"
                )
            try:
                model.load_state_dict(self._folded(runner).state_dict())
            except (RuntimeError, ValueError) as error:
                reason = ' '.join(str(error).split())[:200]
                raise CTError(f"init='fold' does not fit this network: {reason}") from error
        elif self.checkpoint:
            # Not strict: the file has BN statistics, and its head may differ.
            self._load_into(model, self.checkpoint, runner)
        if self.init == 'calibrate':
            if self.checkpoint or is_pretrained(runner.cfg):
                print_log(
                    'the weights to start from lose most of what they have learned, as '
                    "init='calibrate' sets scales and shifts anew. If they were trained with BN, "
                    "take init='fold' without weight_standardisation; if without, "
                    "init='identity'. In CT configs these are settings of NoBNTeacherHook",
                    logger='current',
                    level=logging.WARNING,
                )
            inputs = training_inputs(runner, model, self.calibration_batches)
            try:
                calibrate(model, inputs, self.granularity)
            except ValueError as error:
                raise CTError(str(error)) from error
        share(model)
        restart_averages(runner)

    def _folded(self, runner: Runner) -> nn.Module:
        """Build the BN network, load its weights, and fold BatchNorm into scales and shifts."""
        cfg = dict(
            model=copy.deepcopy(runner.cfg.model),
            data_preprocessor=runner.cfg.get('data_preprocessor'),
        )
        if type_name(cfg['model'].backbone) == 'NormFreeBackbone':
            cfg['model'].backbone = cfg['model'].backbone.backbone
        norm_free = type_name(cfg['model']) == 'NormFreeClassifier'
        network = build_classifier(cfg, 'ImageClassifier' if norm_free else None)
        with safe_loading():
            network.init_weights()
        source = self.checkpoint or start_of(runner.cfg)
        if source:
            self._load_into(network, source, runner)
        return remove_batch_norm(network, init='fold')

    def _load_into(self, network: nn.Module, source: str, runner: Runner) -> None:
        weights = load_state_dict(source)
        check_some_fit(f'checkpoint {source}', weights, network)
        load_into(network, weights, logger=runner.logger)
