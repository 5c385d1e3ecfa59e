"""Define the layer that replaces BatchNorm, and calibrate it."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmct.messages import require

from .forward_pass import see_inputs

GRANULARITIES = ('layer', 'channel')


@MODELS.register_module()
class NoNorm(nn.Module):
    """A learnable scale and shift per channel, without any statistics.

    The layer computes ``y = weight * x + bias``, with both broadcast along
    dimension 1. It takes BatchNorm's arguments, so ``norm_cfg=dict(type='NoNorm')``
    can replace ``norm_cfg=dict(type='BN', ...)`` in any mmpretrain backbone,
    and its parameters have the same names as BatchNorm's.

    Removing BN for the teacher is the idea of "Counterbalancing Teacher",
    https://arxiv.org/abs/2207.01548. The affine layer is our choice: the
    abstract, which is all we had, does not say what replaces BN.

    Args:
        num_features (int): Number of channels C.
        eps (float): Value added to a variance when the layer is calibrated or
            folded; unused in the forward pass. Defaults to 1e-5.
        momentum (float, optional): Ignored, as there are no statistics.
            Defaults to None.
        affine (bool): Whether to learn ``weight`` and ``bias``; False makes
            the layer the identity. Defaults to True.
        track_running_stats (bool): Ignored. Defaults to False.

    Raises:
        ValueError: If ``num_features`` is not positive.
    """

    # mmcv names normalisation layers, and with them their state-dict keys, after this.
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
            Tensor: Features of the same shape and dtype.
        """
        if not self.affine:
            # A new tensor, as from BatchNorm: networks modify it in place.
            return x.clone()
        shape = (1, -1) + (1,) * (x.dim() - 2)
        # Under autocast x has half precision, which BatchNorm keeps as well.
        weight = self.weight.to(x.dtype).view(shape)  # (1, C, 1, ...)
        bias = self.bias.to(x.dtype).view(shape)  # (1, C, 1, ...)
        return torch.addcmul(bias, x, weight)

    @torch.no_grad()
    def standardise(self, mean: Tensor, var: Tensor) -> None:
        """Fold ``(x - mean) / sqrt(var + eps)`` into the affine map.

        Args:
            mean (Tensor): The mean, shape ``(C,)`` or a scalar.
            var (Tensor): The variance, shape ``(C,)`` or a scalar.
        """
        self.weight.div_((var + self.eps).sqrt())
        self.bias.sub_(mean * self.weight)

    def extra_repr(self) -> str:
        """Return the settings that ``print(model)`` shows."""
        return f'{self.num_features}, affine={self.affine}'


class NoNormAct(NoNorm):
    """A :class:`NoNorm` with dropout and activation, to replace timm's ``BatchNormAct2d``.

    Args:
        drop (nn.Module): The dropout.
        act (nn.Module): The activation.
        *args: Arguments of :class:`NoNorm`.
        **kwargs: Arguments of :class:`NoNorm`.
    """

    def __init__(self, drop: nn.Module, act: nn.Module, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.drop, self.act = drop, act

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift each channel, then apply dropout and activation.

        Args:
            x (Tensor): Features of shape ``(N, C, ...)``.

        Returns:
            Tensor: Features of the same shape and dtype.
        """
        return self.act(self.drop(super().forward(x)))


@torch.no_grad()
def calibrate(
    model: nn.Module, inputs: Tensor, granularity: str = 'layer'
) -> nn.Module:
    """Rescale every :class:`NoNorm` so that signals keep their scale through the network.

    This takes one forward pass in eval mode. A layer is rescaled just before it
    is used, so later layers already see its new output. With ``x`` the layer's
    input, the granularities are:

    - ``'layer'``: ``weight /= std(x)`` over all of ``x``, one scalar per
      layer. With weight 1 each layer's output has unit variance, and the
      channels keep their relative variances.
    - ``'channel'``: ``x`` is standardised per channel, as BatchNorm does in
      training. The network then starts as the BN network does on these
      inputs. This equalises the channels' variances, which is the effect that
      https://arxiv.org/abs/2207.01548 criticises in BN.

    Layers that eval mode does not use, such as an auxiliary head, stay
    unchanged.

    The calibration is our addition, not the paper's.

    Args:
        model (nn.Module): A network with :class:`NoNorm` layers.
        inputs (Tensor): Preprocessed images of shape ``(N, C, H, W)``.
        granularity (str): 'layer' or 'channel'. Defaults to 'layer'.

    Returns:
        nn.Module: The same ``model``, in its original mode.

    Raises:
        ValueError: If ``granularity`` is unknown, the model has no affine
            NoNorm, or a layer's statistics are not finite; the message names
            the layer.
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
        # A shared layer is used several times but calibrated once.
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
