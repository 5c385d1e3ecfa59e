"""Make a corruption set on disk, or continue an unfinished one."""

import shutil
from collections import Counter
from pathlib import Path
from zipfile import BadZipFile

from mmct.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    check_severities,
    choose_table,
    identities,
    own_among,
)
from mmct.datasets.images import say_if_grey
from mmct.runs.errors import CTError
from mmct.runs.files import lock_folder, temporary_name
from mmct.runs.progress import Progress
from mmct.runs.ranks import available_cores

from . import manifest as manifests
from .layouts import ArrayLayout, FolderLayout, Layout, check_names, class_folders
from .scan import Part, Scan, check_readable, chunks, merge, part_size, parts, scan_chunk
from .source import Source, SourceConfig
from .workers import Workers

LAYOUTS: dict[str, type[Layout]] = dict(arrays=ArrayLayout, folders=FolderLayout)
"""The layouts by the names that users give."""

# From this image size on, the array of a corruption would be too large to handle.
_FOLDERS_FROM = 128


class CorruptionSetMaker:
    """Make a corruption set in a folder, except for the parts that exist already.

    Building the object checks everything that can be checked without reading
    the images.

    Args:
        out (Path): The folder of the set, which is locked while the set is made.
        config (SourceConfig): The data set.
        config_name (str): Name of the config that defines the data set.
        corruptions (tuple[str, ...]): Names of corruptions. Defaults to all 19.
        severities (tuple[int, ...]): Severities from 1 to 5. Defaults to all.
        seed (int): Seed of the corruptions. Defaults to 0.
        table (str, optional): 'cifar', 'tiny_imagenet' or 'imagenet'. Defaults to
            None: the image size decides.
        layout (str, optional): 'arrays' or 'folders'. Defaults to None: the
            image size decides.
        skip_unreadable (bool): Whether to leave damaged images out.
            Defaults to False.
        jobs (int, optional): Number of processes. Defaults to one per core.

    Raises:
        CTError: If there is no data, or the folder holds another set or lies among the images.
    """

    def __init__(
        self,
        out: Path,
        config: SourceConfig,
        config_name: str,
        corruptions: tuple[str, ...] = CORRUPTIONS,
        severities: tuple[int, ...] = SEVERITIES,
        seed: int = 0,
        table: str | None = None,
        layout: str | None = None,
        skip_unreadable: bool = False,
        jobs: int | None = None,
    ) -> None:
        self.out, self.work, self.config = out, out / manifests.WORK, config
        self.corruptions, self.seed = corruptions, seed
        self.severities = tuple(check_severities(severities, corruptions))
        self.table, self.layout = table, layout
        self.skip_unreadable, self.jobs = skip_unreadable, jobs or available_cores()
        manifests.check_name(out)
        self.source = Source(config)
        for root in self.source.class_roots:
            if out.resolve().is_relative_to(Path(root).resolve()):
                raise CTError(f'{out} is in {root}, where it would count as a class: take another')
        self._known = dict(
            label=manifests.LABEL,
            versions=manifests.versions(),
            config=config_name,
            source=manifests.describe(self.source, config),
            seed=seed,
            severities=list(self.severities),
        )
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> dict | None:
        """Read the manifest of the folder, and check that it is of the same images."""
        manifest = manifests.read(self.out)
        if manifest is not None:
            # Another config may continue the set if its images are the same.
            fixed = dict(self._known, table=self.table, layout=self.layout, config=None)
            asked = {key: value for key, value in fixed.items() if value is not None}
            manifests.check_same(manifest, asked, self.out)
            manifests.check_own(manifest, identities(self.corruptions), self.out)
        return manifest

    def run(self) -> None:
        """Make the missing corruptions.

        Raises:
            CTError: If an image cannot be corrupted, the folder holds a set with other
                settings, or another process is making the set.
        """
        lock = lock_folder(self.out, 'take another folder')
        try:
            # Another process may have started or finished the set meanwhile.
            self.manifest = self._read_manifest()
            todo = self._todo()
            if todo:
                self._make(todo)
                print(f'{self.out} is complete')
            else:
                print(f'{self.out} is complete already: nothing to do')
        finally:
            lock.release()

    def _todo(self) -> list[str]:
        if self.manifest is None:
            return list(self.corruptions)
        has = LAYOUTS[self.manifest['layout']].has
        done = [name for name in self.manifest['corruptions'] if has(self.out, name)]
        return [name for name in self.corruptions if name not in done]

    def _make(self, todo: list[str]) -> None:
        with Workers(self.config, self.jobs, own_among(todo)) as workers:
            scan = self._scan(workers)
            layout = self._begin(scan)
            print(
                f'{len(scan.indices):,} images ({len(scan.unreadable)} left out), table '
                f'{layout.table}, layout {self.manifest["layout"]}, {self.jobs} processes',
                flush=True,
            )
            layout.begin(scan.labels)
            self._make_corruptions(workers, layout, scan, todo)
        shutil.rmtree(self.work, ignore_errors=True)
        for stray in self.out.glob(temporary_name(Path('*'), '*').name):
            stray.unlink()

    def _scan(self, workers: Workers) -> Scan:
        """Make the first pass over the images, or load the result of an earlier run."""
        kept = self.work / manifests.SCAN
        if self.manifest is not None and kept.exists():
            try:
                return Scan.load(kept, self.manifest['scan']['skipped']['images'])
            except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile):
                kept.unlink()  # damaged, so read the images again
        first = self.source.path(0)
        if first is not None:
            say_if_grey(first)
        progress, found = Progress(len(self.source)), {}
        for (start, stop), chunk in workers.run(scan_chunk, chunks(len(self.source))):
            found[start] = chunk
            progress.add('checking', stop - start)
        scan = merge(found[start] for start in sorted(found))
        check_readable(scan, self.skip_unreadable)
        return scan

    def _begin(self, scan: Scan) -> Layout:
        """Choose layout and table, and write them to the manifest before making anything."""
        earlier = self.manifest or {}
        kind = layout_for(scan, self.layout or earlier.get('layout'))
        table = table_for(scan, self.table or earlier.get('table'))
        layout = self._build_layout(kind, table, scan)
        new = dict(**self._known, scan=scan.summary(), table=table, layout=kind)
        if self.manifest is None:
            shutil.rmtree(self.work, ignore_errors=True)
            self.manifest = dict(**new, corruptions={})
            manifests.write(self.out, self.manifest)
        else:
            new.pop('config')
            manifests.check_same(self.manifest, new, self.out)
        if not (self.work / manifests.SCAN).exists():
            scan.save(self.work / manifests.SCAN)
        return layout

    def _build_layout(self, kind: str, table: str, scan: Scan) -> Layout:
        common = self.out, self.work, self.severities, self.seed, table
        if kind == 'arrays':
            (size,) = scan.sizes
            return ArrayLayout(*common, len(scan.indices), size, part_size(scan))
        check_names(self.source, scan.indices, scan.names)
        return FolderLayout(*common, class_folders(self.source, scan.labels))

    def _make_corruptions(
        self, workers: Workers, layout: Layout, scan: Scan, todo: list[str]
    ) -> None:
        for name in todo:
            self.manifest['corruptions'].pop(name, None)
            layout.reopen(name)
        own = {**self.manifest.get('own', {}), **identities(todo)}
        if own:
            # Before the first part, so that parts of another function are never joined with it.
            self.manifest['own'] = own
            manifests.write(self.out, self.manifest)
        left = Counter({name: sum(1 for _ in parts(scan)) for name in todo})
        progress = Progress(len(todo) * len(self.severities) * len(scan.indices))
        tasks = ((layout, name, part) for name in todo for part in parts(scan))
        for (_, name, part), made in workers.run(_make_part, tasks):
            progress.add(name, len(self.severities) * len(part.indices), made)
            left[name] -= 1
            if not left[name]:
                self.manifest['corruptions'][name] = layout.finish(name)
                manifests.write(self.out, self.manifest)
                shutil.rmtree(self.work / name, ignore_errors=True)
                print(f'{name}: complete', flush=True)


def _make_part(source: Source, layout: Layout, corruption: str, part: Part) -> bool:
    try:
        return layout.make(source, corruption, part)
    except ValueError as error:
        raise CTError(f'{corruption}: {error}') from error


def layout_for(scan: Scan, layout: str | None) -> str:
    """Choose a layout: arrays for small images of one size, else folders.

    Args:
        scan (Scan): Facts about all images.
        layout (str, optional): The layout that the user asks for.

    Returns:
        str: 'arrays' or 'folders'.

    Raises:
        CTError: If the user asks for arrays but the images differ in size.
    """
    if layout is None:
        small = all(max(size) < _FOLDERS_FROM for size in scan.sizes)
        return 'arrays' if small and len(scan.sizes) == 1 else 'folders'
    if layout == 'arrays' and len(scan.sizes) > 1:
        (low, high) = (f'{h} x {w}' for h, w in (min(scan.sizes), max(scan.sizes)))
        raise CTError(
            f'--layout arrays needs images of one size, but these range from {low} to {high} '
            'px: choose --layout folders, or resize them in the pipeline'
        )
    return layout


def table_for(scan: Scan, table: str | None) -> str:
    """Choose one severity table for all images.

    Args:
        scan (Scan): Facts about all images.
        table (str, optional): The table that the user asks for.

    Returns:
        str: Name of the table.

    Raises:
        CTError: If images are too small, or their sizes need different tables.
    """
    try:
        found = sorted({choose_table(table, *size) for size in scan.sizes})
    except ValueError as error:
        raise CTError(f'{error}; or resize them in the pipeline') from error
    if len(found) > 1:
        raise CTError(
            f'the image sizes need different severity tables ({", ".join(found)}): choose '
            'one with --table, or resize the images in the pipeline'
        )
    return found[0]
