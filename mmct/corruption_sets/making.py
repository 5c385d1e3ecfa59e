"""What a user asks for."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmct.corruptions import CORRUPTIONS, SEVERITIES
from mmct.runs.errors import CTError
from mmct.runs.files import lock_folder
from mmct.runs.progress import Progress
from mmct.runs.ranks import available_cores

from . import manifest as manifests
from .layouts import Arrays, Folders, Layout, check_names, class_folders
from .recipe import Part, Recipe, part_size, parts, table_for
from .scan import Scan, check_readable, chunks, merge, scan_chunk
from .source import Source, SourceConfig
from .workers import Workers

LAYOUTS = ('arrays', 'folders')


@dataclass(frozen=True)
class Request:
    """A corruption set to be made.

    Args:
        out (Path): The folder of the set.
        corruptions (tuple[str, ...]): Names. Defaults to all 19.
        severities (tuple[int, ...]): From 1 to 5. Defaults to all.
        seed (int): Of the corruptions. Defaults to 0.
        table (str, optional): 'cifar' or 'imagenet'. Defaults to by size.
        layout (str, optional): One of :data:`LAYOUTS`. Defaults to by size.
        skip_unreadable (bool): Whether to leave damaged images out.
            Defaults to False.
        jobs (int, optional): Number of processes. Defaults to one a core.
    """

    out: Path
    corruptions: tuple[str, ...] = CORRUPTIONS
    severities: tuple[int, ...] = SEVERITIES
    seed: int = 0
    table: str | None = None
    layout: str | None = None
    skip_unreadable: bool = False
    jobs: int | None = None


# From here on an array of a corruption would be too large to be handy.
_FOLDERS_FROM = 128
KINDS: dict[str, type[Layout]] = dict(arrays=Arrays, folders=Folders)


def settle(request: Request, scan: Scan, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """Choose what the user left open.

    Args:
        request (Request): What the user asks for.
        scan (Scan): Of the images.
        earlier (dict, optional): The manifest of an earlier run.

    Returns:
        dict: For the manifest.

    Raises:
        CTError: If it cannot be chosen, or not had.
    """
    earlier = earlier or {}
    layout = request.layout or earlier.get('layout')
    if layout is None:
        one_size = len(scan.sizes) == 1
        small = all(max(size) < _FOLDERS_FROM for size in scan.sizes)
        layout = 'arrays' if one_size and small else 'folders'
    if layout == 'arrays' and len(scan.sizes) > 1:
        (low, high) = (f'{h} x {w}' for h, w in (min(scan.sizes), max(scan.sizes)))
        raise CTError(
            f'--layout arrays needs images of one size, but these have from {low} to {high} '
            'px: choose --layout folders, or resize them in the pipeline'
        )
    table = table_for(scan, request.table or earlier.get('table'))
    return dict(scan=scan.summary(), table=table, layout=layout)


def build_layout(
    request: Request, work: Path, source: Source, scan: Scan, settled: dict[str, Any]
) -> Layout:
    """Build the layout that was settled.

    Args:
        request (Request): What the user asks for.
        work (Path): The folder for unfinished work.
        source (Source): The data set.
        scan (Scan): Of its images.
        settled (dict): By :func:`settle`.

    Raises:
        CTError: If two images would have the same name.
    """
    recipe = Recipe(request.severities, request.seed, settled['table'])
    if settled['layout'] == 'arrays':
        (size,) = scan.sizes
        return Arrays(request.out, work, recipe, len(scan.indices), size, part_size(scan))
    check_names(source, scan.indices, scan.names)
    return Folders(request.out, work, recipe, class_folders(source, scan.labels))


def open_set(request: Request, config: SourceConfig, config_name: str) -> Callable[[], None]:
    """Check all that can be checked before the images are read.

    Args:
        request (Request): What is asked for.
        config (SourceConfig): The data set.
        config_name (str): The config that it is from.

    Returns:
        Callable: Makes the set.

    Raises:
        CTError: If there is no data, or the folder is another set's.
    """
    out = request.out
    manifests.check_name(out)
    manifests.read(out)  # before the lock: what is not ours is left untouched
    source = Source(config)
    lock = lock_folder(out, 'take another folder')
    known = dict(
        label=manifests.LABEL,
        versions=manifests.versions(),
        config=config_name,
        source=manifests.describe(source, config),
        seed=request.seed,
        severities=list(request.severities),
    )
    manifest = manifests.read(out)
    if manifest is not None:
        # The same images will do, by whatever config.
        fixed = dict(known, table=request.table, layout=request.layout, config=None)
        asked = {key: value for key, value in fixed.items() if value is not None}
        manifests.check_same(manifest, asked, out)

    def run() -> None:
        _run(request, config, source, known, manifest)
        lock.release()

    return run


def _run(
    request: Request,
    config: SourceConfig,
    source: Source,
    known: dict[str, Any],
    manifest: dict[str, Any] | None,
) -> None:
    out, work = request.out, request.out / manifests.WORK
    todo = _todo(request, manifest)
    if not todo:
        print(f'{out} has all of this already: nothing to do')
        return
    jobs = request.jobs or available_cores()
    with Workers(config, jobs) as workers:
        scan = _scan(workers, len(source), work, request, manifest)
        settled = settle(request, scan, manifest)
        layout = build_layout(request, work, source, scan, settled)
        manifest = _begin(known | settled, scan, work, out, manifest)
        print(
            f'{len(scan.indices):,} images ({len(scan.unreadable)} left out), table '
            f'{settled["table"]}, layout {settled["layout"]}, {jobs} processes',
            flush=True,
        )
        layout.begin(scan.labels)
        _make(workers, layout, scan, todo, manifest)
    shutil.rmtree(work, ignore_errors=True)
    for stray in out.glob('*.tmp'):
        stray.unlink()
    print(f'{out} is complete')


def _todo(request: Request, manifest: dict[str, Any] | None) -> list[str]:
    if manifest is None:
        return list(request.corruptions)
    has = KINDS[manifest['layout']].has
    done = [name for name in manifest['corruptions'] if has(request.out, name)]
    return [name for name in request.corruptions if name not in done]


def _scan(
    workers: Workers, images: int, work: Path, request: Request, manifest: dict[str, Any] | None
) -> Scan:
    """The first pass; what an earlier run knows is not read again."""
    kept = work / manifests.SCAN
    if manifest is not None and kept.exists():
        return Scan.load(kept, manifest['scan']['skipped']['images'])
    progress, found = Progress(images), {}
    for (start, stop), chunk in workers.run(scan_chunk, chunks(images)):
        found[start] = chunk
        progress.add('checking', stop - start)
    scan = merge(found[start] for start in sorted(found))
    check_readable(scan, request.skip_unreadable)
    return scan


def _begin(
    new: dict[str, Any], scan: Scan, work: Path, out: Path, manifest: dict[str, Any] | None
) -> dict[str, Any]:
    """Write down what is being made, before anything of it is."""
    if manifest is None:
        shutil.rmtree(work, ignore_errors=True)
        manifest = new | dict(corruptions={})
        manifests.write(out, manifest)
    else:
        asked = {key: value for key, value in new.items() if key != 'config'}
        manifests.check_same(manifest, asked, out)
    if not (work / manifests.SCAN).exists():
        scan.save(work / manifests.SCAN)
    return manifest


def _make(
    workers: Workers, layout: Layout, scan: Scan, todo: list[str], manifest: dict[str, Any]
) -> None:
    severities = len(layout.recipe.severities)
    for name in todo:
        manifest['corruptions'].pop(name, None)
        layout.reopen(name)
    left = Counter({name: sum(1 for _ in parts(scan)) for name in todo})
    progress = Progress(len(todo) * severities * len(scan.indices))
    tasks = ((layout, name, part) for name in todo for part in parts(scan))
    for (_, name, part), made in workers.run(_make_part, tasks):
        progress.add(name, severities * len(part.indices), made)
        left[name] -= 1
        if not left[name]:
            manifest['corruptions'][name] = layout.finish(name)
            manifests.write(layout.out, manifest)
            layout.clear(name)
            print(f'{name}: complete', flush=True)


def _make_part(source: Source, layout: Layout, corruption: str, part: Part) -> bool:
    try:
        return layout.make(source, corruption, part)
    except ValueError as error:
        raise CTError(f'{corruption}: {error}') from error
