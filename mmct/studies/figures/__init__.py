"""What is drawn of a study."""

from .domain_accuracies import DomainAccuracies
from .error_arrows import ErrorArrows
from .replaced_halves import ReplacedHalves
from .training_paths import TrainingPaths
from .variance_spectra import VarianceSpectra

__all__ = ['DomainAccuracies', 'ErrorArrows', 'ReplacedHalves', 'TrainingPaths', 'VarianceSpectra']
