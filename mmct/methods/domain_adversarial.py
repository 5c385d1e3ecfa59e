"""Learn features that do not reveal the domain: DANN, and CDANN, which knows the class."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmct.messages import is_count, is_positive, is_weight, require
from mmct.models.forward_pass import run

from .domain_classifiers import domains_of, require_cross_entropy
from .domain_objectives import require_numbers


def class_balanced(losses: Tensor, classes: Tensor, num_classes: int) -> Tensor:
    """Average losses with the same weight for each class in the batch.

    DomainBed's CDANN uses the same weights whenever the last class is in the batch.

    Args:
        losses (Tensor): The loss of each image, (N,).
        classes (Tensor): The class of each image, int64 (N,).
        num_classes (int): Number of all classes.

    Returns:
        Tensor: The sum of the class means, divided by the number of all classes, a scalar.
    """
    counts = F.one_hot(classes, num_classes).sum(0)  # (num_classes,)
    return (losses / counts[classes]).sum() / num_classes


def gradient_penalty(losses: Tensor, inputs: Tensor) -> Tensor:
    """Compute the mean squared gradient of the images' losses by the discriminator's inputs.

    Args:
        losses (Tensor): The loss of each image, (N,).
        inputs (Tensor): The discriminator's inputs, (N, D).

    Returns:
        Tensor: The mean over images, a scalar that can be differentiated again.
    """
    (gradients,) = torch.autograd.grad(losses.sum(), inputs, create_graph=True)
    return gradients.square().sum(1).mean()


@MODELS.register_module()
class AdversarialDomainClassifier(ImageClassifier):
    """An ``ImageClassifier`` whose features should not reveal the domain: DANN or CDANN.

    DANN is by Ganin et al. (https://arxiv.org/abs/1505.07818); CDANN, conditional on the class,
    is by Li et al., ECCV 2018. Steps alternate as in DomainBed (https://arxiv.org/abs/2007.01434):
    in one step the network learns its task and learns to mislead a discriminator; in the next
    ``discriminator_steps`` the discriminator learns to predict the domain from the features. Both
    kinds of steps count as iterations, and all domains share one batch.

    One optimizer serves both, as Adam skips parameters without a gradient. DomainBed uses
    ``betas=(0.5, 0.9)``; ``paramwise_cfg=dict(custom_keys=dict(discriminator=dict(lr_mult=...)))``
    gives the discriminator its own learning rate. Training in several processes needs
    ``find_unused_parameters=True``. Prediction and export are those of ``ImageClassifier``.

    Args:
        *args: Arguments of ``ImageClassifier``.
        num_domains (int): Number of domains of the data set, including those left out.
        conditional (bool): Whether to use CDANN, which adds an embedding of the class to the
            discriminator's input and weights all classes equally. Defaults to False: DANN.
        weight (float): Weight of the loss that misleads the discriminator, >= 0. Defaults to 1.0.
        discriminator_steps (float): Steps of the discriminator for each step of the network,
            >= 1, rounded down; random searches draw fractions. Defaults to 1.
        penalty (float): Weight of :func:`gradient_penalty`, >= 0. Defaults to 0.0.
        width (int): Width of the discriminator's two hidden layers. Defaults to 256.
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: If a setting is out of its range, or the head's loss is not a cross-entropy
            of one class per image; in training, if a sample's ``domain`` is missing or not
            among them.
    """

    def __init__(
        self,
        *args,
        num_domains: int,
        conditional: bool = False,
        weight: float = 1.0,
        discriminator_steps: float = 1,
        penalty: float = 0.0,
        width: int = 256,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        name = type(self).__name__
        rule = f'{name}: num_domains must be an integer of 2 or more'
        require(is_count(num_domains, 2), rule, num_domains)
        require(is_count(width), f'{name}: width must be an integer of 1 or more', width)
        rule = f'{name}: discriminator_steps must be at least 1'
        at_least_one = is_positive(discriminator_steps) and discriminator_steps >= 1
        require(at_least_one, rule, discriminator_steps)
        for key, value in (('weight', weight), ('penalty', penalty)):
            require(is_weight(value), f'{name}: {key} must be finite and 0 or more', value)
        require_cross_entropy(self.head, name)
        self.weight, self.penalty = weight, penalty
        self.num_domains = num_domains
        self.discriminator_steps = int(discriminator_steps)
        # Some heads have layers of their own before the one that gives logits.
        linear = [m for m in self.head.modules() if isinstance(m, nn.Linear)]
        features = linear[-1].in_features if linear else self.head.in_channels
        layers = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, num_domains),
        )  # fmt: skip
        self.discriminator = nn.ModuleDict(dict(layers=layers))
        if conditional:
            self.discriminator['classes'] = nn.Embedding(self.head.num_classes, features)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compute the loss of the discriminator, or of the network that misleads it.

        Args:
            inputs (Tensor): Preprocessed images, (N, C, H, W).
            data_samples (list[DataSample]): The annotations, each with class and ``domain``.

        Returns:
            dict[str, Tensor]: ``loss_discriminator``, or the head's entries and
            ``loss_domains`` (weighted, <= 0 except for rounding).
        """
        numbers = domains_of(data_samples, type(self).__name__)
        require_numbers(numbers, self.num_domains, type(self).__name__)
        domains = torch.tensor(numbers, device=inputs.device)  # (N,)
        labels = torch.cat([sample.gt_label for sample in data_samples])
        step = MessageHub.get_current_instance().get_info('iter', 0) + 1
        misleads = step % (1 + self.discriminator_steps) >= self.discriminator_steps
        with torch.set_grad_enabled(misleads):
            stages = self.extract_feat(inputs, stage='backbone')
            passed = run(self, stages, lambda feats: self.head.loss(feats, data_samples))
        if not misleads:
            loss = self.discrimination(passed.pre_logits, labels, domains)
            return dict(loss_discriminator=loss)
        with _without_gradients(self.discriminator):
            loss = self.discrimination(passed.pre_logits, labels, domains)
        return {**passed.result, 'loss_domains': -self.weight * loss}

    def discrimination(self, features: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
        """Compute the loss of the discriminator.

        Args:
            features (Tensor): The inputs of the classifier's last layer, (N, D).
            labels (Tensor): The classes, int64 (N,).
            domains (Tensor): The domains, int64 (N,).

        Returns:
            Tensor: A scalar.
        """
        conditional = 'classes' in self.discriminator
        if conditional:
            features = features + self.discriminator['classes'](labels)
        if self.penalty and not features.requires_grad:
            features.requires_grad_()
        guessed = self.discriminator['layers'](features).float()
        losses = F.cross_entropy(guessed, domains, reduction='none')  # (N,)
        loss = losses.mean()
        if conditional:
            loss = class_balanced(losses, labels, self.head.num_classes)
        if self.penalty:
            loss = loss + self.penalty * gradient_penalty(losses, features)
        return loss


@contextmanager
def _without_gradients(module: nn.Module) -> Iterator[None]:
    """Compute no gradients with respect to the module's weights within the block."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_()
