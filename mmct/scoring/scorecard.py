"""Score any network from Python."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.nn import SyncBatchNorm

from mmct.evaluation import Comparison, compare, diagnose, probability_scores, read_result
from mmct.evaluation.reference import choose_reference
from mmct.messages import require, require_counts
from mmct.report import (
    Table,
    cells_to_csv,
    render,
    score_table,
    to_html,
    to_markdown,
)
from mmct.runs.errors import CTError
from mmct.runs.files import write_bytes, write_json, write_text
from mmct.runs.ranks import alone, rank_and_world_size

from .cell_sources import CellSource, CorruptedImages, in_order, select
from .cells import score_cells
from .images import open_images
from .networks import Network, as_network

if TYPE_CHECKING:
    import pandas as pd

    from .diagnosis import Diagnosis


class Scorecard:
    """The errors of a network on clean and corrupted images, which notebooks show as a table.

    Args:
        result (Mapping): The content of a result file.
    """

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.result = result

    @classmethod
    def load(cls, path: str | Path) -> 'Scorecard':
        """Read a result file.

        Args:
            path (str | Path): The file.

        Raises:
            ValueError: If it is not a result file, or its numbers contradict one another.
            FileNotFoundError: If the file does not exist.
        """
        return cls(read_result(path))

    @property
    def summary(self) -> Mapping[str, Any]:
        """Return the means, in %, with the keys of docs/reference/evaluation.md."""
        return self.result['summary']

    def probability_scores(self, temperature: float | None = None) -> dict[str, Any] | None:
        """Compute likelihood, Brier score, AURC and calibration errors from the predictions.

        Args:
            temperature (float, optional): See :func:`mmct.evaluation.probability_scores`.
        """
        return probability_scores(self.result, temperature)

    def table(self) -> Table:
        """Make the table of all means, which can be printed or written as Markdown or LaTeX."""
        return score_table(compare([self.result]))

    def to_pandas(self) -> 'pd.DataFrame':
        """Make a data frame with a row per corruption and severity, as in the CSV file."""
        import io

        import pandas as pd

        return pd.read_csv(io.StringIO(cells_to_csv([self.result])))

    def save(self, path: str | Path) -> Path:
        """Write the result file, and a CSV file of its cells beside it.

        Args:
            path (str | Path): A file that ends in .json.

        Returns:
            Path: The file.

        Raises:
            CTError: If the path has another ending, or the file cannot be written.
        """
        path = Path(path)
        if path.suffix != '.json':
            raise CTError(f'a result file must end in .json, but got {path}')
        write_text(path.with_suffix('.csv'), cells_to_csv([self.result]))
        write_json(path, self.result)
        return path

    def compare(self, *others: 'Scorecard', common: bool = False) -> Comparison:
        """Compare others with this one, image by image.

        Args:
            *others (Scorecard): Scorecards for the same images.
            common (bool): Whether to use only the cells (corruptions at severities)
                that all scorecards have. Defaults to False.

        Returns:
            Comparison: The comparison, with this scorecard as the baseline.

        Raises:
            ValueError: If images or cells differ.
        """
        results = [self.result, *(other.result for other in others)]
        return compare(results, 0 if others else None, common)

    def diagnose(self, *others: 'Scorecard', common: bool = False) -> 'Diagnosis':
        """Decompose the corrupted error, and compare others with this one.

        Args:
            *others (Scorecard): Scorecards for the same images. A scorecard with
                ``recalibrate_bn`` shows how much error the BN statistics cause in the network
                with the same weights; the others are compared with this one.
            common (bool): Whether to use only the cells that all scorecards have. Defaults to
                False.

        Returns:
            Diagnosis: A diagnosis without the reliance of layers, which needs the network, see
            :func:`mmct.diagnose`.

        Raises:
            ValueError: See :func:`mmct.evaluation.diagnose`.
        """
        from .diagnosis import Diagnosis

        results = [self.result, *(other.result for other in others)]
        return Diagnosis(diagnose(results, common=common))

    def report(self, path: str | Path, *others: 'Scorecard') -> Path:
        """Write a report as an HTML page, with figures beside it.

        Args:
            path (str | Path): A file that ends in .html.
            *others (Scorecard): Scorecards to compare with this one.

        Returns:
            Path: The page.

        Raises:
            CTError: If the path has another ending, or the page cannot be written.
            ValueError: If images or cells differ.
        """
        path = Path(path)
        if path.suffix != '.html':
            raise CTError(f'a page must end in .html, but got {path}')
        for name, content in render(self.compare(*others), path.stem).items():
            write_bytes(path.with_name(name), content)
        return path

    def __repr__(self) -> str:
        clean, corrupted = (self.summary[f'{name}_pct'] for name in ('clean_error', 'raw_mce'))
        known = '' if clean is None else f'clean error {clean:.2f} %, '
        return f'<Scorecard of {self.result["name"]}: {known}raw mCE {corrupted:.2f} %>'

    def __str__(self) -> str:
        return to_markdown(compare([self.result]))

    def _repr_html_(self) -> str:
        return to_html(compare([self.result]))


def score(
    network: Any,
    images: Any,
    labels: Any = None,
    *,
    corruptions: str | Sequence[str] | None = None,
    severities: Sequence[int] | None = None,
    subset: int | Sequence[str] | None = None,
    classes_by_position: bool = False,
    size: int | None = None,
    seed: int = 0,
    table: str | None = None,
    clean: bool = True,
    reference: Any = None,
    recalibrate_bn: int = 0,
    amp: bool = False,
    batch_size: int | None = None,
    num_workers: int | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    replace: bool = False,
    quiet: bool = False,
    **settings,
) -> Scorecard:
    """Score any network on corrupted images.

    In a job of several processes the one that calls this scores by itself, and waits for no
    other. ``mmct test --launcher`` shares the work.

    Args:
        network (Any): A torch module or function that returns logits, or a classifier of
            mmpretrain.
        images (Any): Clean images, which are corrupted in memory, of any kind that
            :func:`mmct.scoring.images.open_images` accepts; or a corruption set such as
            :class:`mmct.datasets.ImageNetC`.
        labels (Any, optional): Labels of the images if the images come without them. Defaults
            to None. (N,)
        corruptions (str | Sequence[str], optional): Names of corruptions, or of categories such
            as 'weather'. Defaults to None: all.
        severities (Sequence[int], optional): Severities from 1 to 5. Defaults to None: all.
        subset (int | Sequence[str], optional): A number of images, evenly spaced and the same
            in each call, or names of classes. Defaults to None: all images.
        classes_by_position (bool): Whether output N is class N whatever its name. Defaults to
            False: known names are compared. Clean images with the names of their set are
            numbered by name in either case.
        size (int, optional): For a folder, the size in pixels to which images are resized and
            cropped before they are corrupted. Defaults to None: images keep their size.
        seed (int): Seed of the corruptions. Defaults to 0.
        table (str, optional): The severity table, one of
            :data:`mmct.corruptions.names.TABLES`. Defaults to None: the image size decides.
        clean (bool): Whether to score the clean images, too. Defaults to True.
        reference (str | Path | Mapping | Scorecard, optional): A result to normalise by, or its
            file, or 'alexnet' for ImageNet-C. Defaults to None: errors are not normalised.
        recalibrate_bn (int): Number of batches per corruption and severity on which BatchNorm's
            statistics are re-estimated without labels. This uses test images, so results are
            not comparable with others. Defaults to 0.
        amp (bool): Whether to run in mixed precision. Defaults to False.
        batch_size (int, optional): Images per batch. Defaults to None: that of a given loader,
            else 128.
        num_workers (int, optional): Number of processes that corrupt and read ahead. Defaults
            to None: that of a given loader, else 0.
        name (str, optional): Name of the run in tables. Defaults to None: that in the result
            file, if it is continued, or the network's class and the set.
        out (str | Path, optional): The result file, which ends in .json. An interrupted call
            can be continued there, and a partial run extended to a full one. Defaults to None:
            no file is kept.
        replace (bool): Whether to replace the file of another run. Defaults to False.
        quiet (bool): Whether to hide the progress. Defaults to False.
        **settings: ``mean``, ``std``, ``normalise``, ``input_size``, ``channel_order``,
            ``classes`` and ``device``, see :class:`mmct.scoring.TorchNetwork`. mmpretrain's
            classifiers take the last three: they are given BGR if they flip the channels, else
            RGB, unless ``channel_order`` says on which they were trained.

    Returns:
        Scorecard: The result.

    Raises:
        CTError: If network, images and labels do not match; the message says what to change.
        ValueError: If a setting is not allowed.
    """
    require_counts('score', batch_size=batch_size, size=size)
    require_counts('score', 0, recalibrate_bn=recalibrate_bn, num_workers=num_workers)
    require(name is None or isinstance(name, str), 'score: name must be a text', name)
    own = as_network(network, **settings)
    synced = any(isinstance(layer, SyncBatchNorm) for layer in own.module.modules())
    if recalibrate_bn and synced and rank_and_world_size()[1] > 1:
        raise CTError(
            'SyncBN re-estimates its statistics with all processes, but one scores here: use '
            'mmct test --launcher, or recalibrate_bn=0'
        )
    batch_size = batch_size or getattr(images, 'batch_size', None) or 128
    num_workers = getattr(images, 'num_workers', 0) if num_workers is None else num_workers
    source, corrupted = open_cells(
        own, images, labels, corruptions, severities, subset, size, seed, table,
        classes_by_position,
    )  # fmt: skip
    first = (source or corrupted).read(0, slice(0, 1))
    if not quiet and (first == first[..., :1]).all():
        print('the first image is grey: grey images are read as three equal channels')
    source = source if clean else None
    data = corrupted.metainfo['corruptions']
    choose_reference(reference, data, corrupted.cells)  # refuses one that does not fit
    with alone(), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'scorecard.json' if out is None else Path(out)
        if file.suffix != '.json':
            raise CTError(f'out must end in .json, but got {out}')
        result = score_cells(
            own,
            corrupted,
            source,
            out=file,
            name=name or getattr(own, 'name', f'{type(network).__name__} on {data["set"]}'),
            keep_name=name is None,
            reference=reference,
            batch_size=batch_size,
            num_workers=num_workers,
            fp16=amp,
            recalibrate_bn=recalibrate_bn,
            classes_by_position=classes_by_position,
            replace=replace,
            quiet=quiet,
        )
    return Scorecard(result)


def open_cells(
    network: Network,
    images: Any,
    labels: Any = None,
    corruptions: str | Sequence[str] | None = None,
    severities: Sequence[int] | None = None,
    subset: int | Sequence[str] | None = None,
    size: int | None = None,
    seed: int = 0,
    table: str | None = None,
    classes_by_position: bool = False,
) -> tuple[CellSource | None, CellSource]:
    """Open clean images and their corruptions; the arguments are those of :func:`score`.

    Returns:
        tuple[CellSource | None, CellSource]: The clean images, or None without them, and the
        corrupted ones.

    Raises:
        CTError: See :func:`score`.
        ValueError: See :func:`score`.
    """
    source = open_images(images, labels, size)
    if 'corruptions' not in source.metainfo:
        corrupted = CorruptedImages(source, corruptions, severities, seed, table)
    elif corruptions is None and severities is None and table is None and seed == 0:
        corrupted, source = source, getattr(source, 'clean', None)
    else:
        raise CTError(
            'a corruption set defines its corruptions, severities, seed and table: choose them '
            'when you make the set'
        )
    if subset is not None:
        corrupted = select(corrupted, subset, classes_by_position)
        source = source and corrupted.clean
    # Not always that of the images: a network of mmpretrain's often reads BGR.
    order = getattr(network, 'reads', None)
    return source and in_order(source, order), in_order(corrupted, order)
