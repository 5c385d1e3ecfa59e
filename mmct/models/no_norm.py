"""The layer that stands where a BatchNorm was, and its calibration."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmct.messages import require

from .forward_pass import see_inputs

GRANULARITIES = ('layer', 'channel')


@MODELS.register_module()
class NoNorm(nn.Module):
    """A learnable scale and shift per channel, without any statistics.

    ``y = weight * x + bias``, with both broadcast along dimension 1. It takes
    BatchNorm's arguments, so ``norm_cfg=dict(type='NoNorm')`` may replace
    ``norm_cfg=dict(type='BN', ...)`` in any mmpretrain backbone, and its
    parameters bear the names of the BatchNorm's they replace.

    Removing BN for the teacher is the idea of "Counterbalancing Teacher",
    https://arxiv.org/abs/2207.01548. The affine layer is our choice: the
    abstract, all we had, does not say what replaces BN.

    Args:
        num_features (int): Number of channels C.
        eps (float): Added to a variance when the layer is calibrated or
            folded; unused in the forward pass. Defaults to 1e-5.
        momentum (float, optional): Taken and ignored, as there are no
            statistics. Defaults to None.
        affine (bool): Whether to learn ``weight`` and ``bias``. False gives
            the identity. Defaults to True.
        track_running_stats (bool): Taken and ignored. Defaults to False.

    Raises:
        ValueError: If ``num_features`` is not positive.
    """

    # mmcv names a normalisation layer, and so its state-dict keys, by this.
    _abbr_ = 'bn'

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = None,
        affine: bool = True,
        track_running_stats: bool = False,
    ) -> None:
        super().__init__()
        require(num_features > 0, 'NoNorm: num_features must be positive', num_features)
        self.num_features = num_features
        self.eps = eps
        self.affine = affine
        for name, start in (('weight', torch.ones), ('bias', torch.zeros)):
            self.register_parameter(name, nn.Parameter(start(num_features)) if affine else None)

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift each channel.

        Args:
            x (Tensor): Features of shape ``(N, C, ...)``.

        Returns:
            Tensor: The same shape and dtype.
        """
        if not self.affine:
            # A new tensor, as BatchNorm gives: networks add to it in place.
            return x.clone()
        shape = (1, -1) + (1,) * (x.dim() - 2)
        # Under autocast x is half precision: keep it so, as BatchNorm does.
        weight = self.weight.to(x.dtype).view(shape)  # (1, C, 1, ...)
        bias = self.bias.to(x.dtype).view(shape)  # (1, C, 1, ...)
        return torch.addcmul(bias, x, weight)

    @torch.no_grad()
    def standardise(self, mean: Tensor, var: Tensor) -> None:
        """Put ``(x - mean) / sqrt(var + eps)`` into the affine map.

        Args:
            mean (Tensor): Shape ``(C,)`` or a scalar.
            var (Tensor): The same.
        """
        self.weight.div_((var + self.eps).sqrt())
        self.bias.sub_(mean * self.weight)

    def extra_repr(self) -> str:
        """The settings that ``print(model)`` shows."""
        return f'{self.num_features}, affine={self.affine}'


class NoNormAct(NoNorm):
    """A :class:`NoNorm` that ends with what timm's ``BatchNormAct2d`` ends with.

    That layer is a BatchNorm with a dropout and an activation of its own.

    Args:
        drop (nn.Module): The dropout.
        act (nn.Module): The activation.
        *args: As for :class:`NoNorm`.
        **kwargs: As for :class:`NoNorm`.
    """

    def __init__(self, drop: nn.Module, act: nn.Module, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.drop, self.act = drop, act

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift each channel, then drop and activate.

        Args:
            x (Tensor): Features of shape ``(N, C, ...)``.

        Returns:
            Tensor: The same shape and dtype.
        """
        return self.act(self.drop(super().forward(x)))


@torch.no_grad()
def calibrate(
    model: nn.Module, inputs: Tensor, granularity: str = 'layer'
) -> nn.Module:
    """Rescale every :class:`NoNorm` so that the signal keeps its size.

    One forward pass in eval mode; a layer is rescaled just before it is used,
    so later layers already see its new output. With ``x`` the layer's input:

    - ``'layer'``: ``weight /= std(x)`` over the whole of ``x``, one scalar a
      layer. With weight 1 each layer's output has unit variance, and the
      channels keep their relative variances.
    - ``'channel'``: ``x`` is standardised per channel, as BatchNorm does in
      training: the network then starts as the BN network does on these
      inputs. This equalises the channels' variances, the very thing that
      https://arxiv.org/abs/2207.01548 blames BN for.

    A layer that eval mode does not use (an auxiliary head) is left as it is.

    Ours, not the paper's.

    Args:
        model (nn.Module): A network with :class:`NoNorm` layers.
        inputs (Tensor): Preprocessed images of shape ``(N, C, H, W)``.
        granularity (str): 'layer' or 'channel'. Defaults to 'layer'.

    Returns:
        nn.Module: The same ``model``, in the mode it was in.

    Raises:
        ValueError: If ``granularity`` is unknown, the model has no affine
            NoNorm, or a layer's statistics are not finite (the layer is
            named).
    """
    known = granularity in GRANULARITIES
    require(known, f'granularity must be one of {GRANULARITIES}', granularity)
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, NoNorm) and module.affine
    }
    if not layers:
        raise ValueError('calibrate: the model has no affine NoNorm layer')
    done: set[str] = set()

    def rescale(name: str, layer: NoNorm, x: Tensor) -> None:
        # A layer that is shared is used often but calibrated once.
        if name in done:
            return
        done.add(name)
        x = x.float()
        if granularity == 'channel':
            others = [d for d in range(x.dim()) if d != 1]
            var, mean = torch.var_mean(x, dim=others, correction=0)  # (C,), (C,)
        else:
            var, mean = x.var(correction=0), x.new_zeros(())
        if not (var.isfinite().all() and mean.isfinite().all()):
            raise ValueError(f'calibrate: the input of {name} is not finite')
        layer.standardise(mean, var)

    see_inputs(model, inputs, layers, rescale)
    return model
