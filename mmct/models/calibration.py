"""Giving the layers of a BN-free network signals of the right size."""

import torch
from torch import Tensor, nn

from .evaluating import evaluating
from .no_norm import NoNorm

GRANULARITIES = ('layer', 'channel')


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
    if granularity not in GRANULARITIES:
        raise ValueError(
            f'granularity must be one of {GRANULARITIES}, but got {granularity!r}'
        )
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, NoNorm) and module.affine
    }
    if not layers:
        raise ValueError('calibrate: the model has no affine NoNorm layer')
    done: set[str] = set()

    def rescale(name: str):
        def before_forward(layer: NoNorm, args: tuple) -> None:
            # A layer that is shared is used often but calibrated once.
            if name not in done:
                done.add(name)
                _rescale(name, layer, args[0], granularity)

        return before_forward

    handles = [
        layer.register_forward_pre_hook(rescale(name))
        for name, layer in layers.items()
    ]
    try:
        # Eval mode: neither dropout nor the random generator plays a part.
        with evaluating(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return model


def _rescale(name: str, layer: NoNorm, x: Tensor, granularity: str) -> None:
    x = x.float()
    if granularity == 'channel':
        others = [d for d in range(x.dim()) if d != 1]
        var, mean = torch.var_mean(x, dim=others, correction=0)  # (C,), (C,)
    else:
        var, mean = x.var(correction=0), x.new_zeros(())
    if not (var.isfinite().all() and mean.isfinite().all()):
        raise ValueError(f'calibrate: the input of {name} is not finite')
    layer.standardise(mean, var)
