"""Read images of the same classes from several domains."""

import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmct.folders import data_folders, image_files
from mmct.messages import absent, counted, is_count, is_positive, require, suggestion

from .domain_list import PARTS, number_labels, read_domain_list
from .images import IntactFiles, say_if_grey

_CHOICES = ('all', *PARTS)


@DATASETS.register_module()
class MultiDomain(BaseDataset):
    """Image files ``<data_root>/<domain>/<class>/*``, with the domain of each image.

    Subfolders of a class are read, too, but hidden and system entries are not
    (:mod:`mmct.folders`).

    Each domain is randomly split into a training part and a hold-out, as in
    DomainBed (https://arxiv.org/abs/2007.01434). The split depends only on the
    seed, the domain's name and its file names, so the choice of other domains
    does not change it. A list of images can define classes, domains and splits
    instead, see :func:`mmct.datasets.domain_list.read_domain_list`.

    Each data info has an int ``domain``: the domain's number among *all* domains
    of the folder, whose names are in ``metainfo['domains']``. Add it to the
    ``meta_keys`` of ``PackInputs`` if a loss or a metric needs it. If a domain or
    part lacks a class, a warning says so. Domains of which a list of images has none
    in the part are left out with a warning, unless ``domains`` names them.

    Args:
        data_root (str): The folder.
        domains (str | Sequence[str], optional): The domains to read. Defaults
            to None: all.
        left_out (str | Sequence[str]): Domains to leave out of these.
            Defaults to ().
        part (str): The part of each domain: 'training', 'holdout', 'all', or
            'test' if a list of images defines it. Defaults to 'all'.
        holdout (float): The hold-out's fraction of each domain, above 0 and
            below 1. Defaults to 0.2.
        seed (int): Seed of the split. Defaults to 0.
        stratify (bool): Whether to draw this fraction from each class, at least
            one image and never all, rather than from all images, as DomainBed
            does. A class of a single image is not held out. Defaults to False.
        ann_file (str): A list of images, below ``data_root`` or anywhere else,
            with columns ``path``, ``label``, ``domain`` and ``split``; without
            ``split`` the domains are split at random. Defaults to '': all
            images in the folder.
        columns (dict, optional): The list's names of these columns, such as
            ``dict(domain='hospital')``. Defaults to None: the same names.
        splits (dict, optional): The part of each of the list's values of
            ``split``, such as ``{'0': 'training', '1': 'holdout'}``; images with
            other values are left out. Defaults to None: common names of the parts.
        **kwargs: Arguments of mmpretrain's ``BaseDataset``. With
            ``test_mode=True`` the data set is not for training, and classes may
            be missing.

    Raises:
        ValueError: If a setting is out of its range; when the data set is
            opened, if a domain is unknown, no domain is left, a part has no
            images, or a class has no images to learn from. The message names
            it.
        FileNotFoundError: If the folder, the list or an image of the list does
            not exist.
        OSError: When first read, if a file is not an intact image; the message
            names it.
    """

    DOMAINS: tuple[str, ...] = ()
    """Domain folders of a particular set, in its order; empty to use all folders."""

    IMAGES: dict[str, int] = {}
    """Published number of images of each domain."""

    def __init__(
        self,
        data_root: str,
        domains: str | Sequence[str] | None = None,
        left_out: str | Sequence[str] = (),
        part: str = 'all',
        holdout: float = 0.2,
        seed: int = 0,
        stratify: bool = False,
        ann_file: str = '',
        columns: Mapping[str, str] | None = None,
        splits: Mapping[str, str] | None = None,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        require(part in _CHOICES, f'{name}: part must be one of {_CHOICES}', part)
        between = is_positive(holdout) and holdout < 1
        require(between, f'{name}: holdout must be above 0 and below 1', holdout)
        require(is_count(seed, 0), f'{name}: seed must be an integer of 0 or more', seed)
        require(isinstance(stratify, bool), f'{name}: stratify must be True or False', stratify)
        self.domains = None if domains is None else _listed(domains)
        self.left_out = _listed(left_out)
        self.part = part
        self.holdout = holdout
        self.seed = seed
        self.stratify = stratify
        self.columns = columns
        self.splits = splits
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)
        # The shipped configs read images with Pillow, as DomainBed does.
        backends = [getattr(step, 'imdecode_backend', '') for step in self.pipeline.transforms]
        self._intact = IntactFiles(with_pillow='pillow' in backends)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the files of the chosen domains with their classes and domains."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(f'{type(self).__name__}: folder {absent(root)}')
        listed = self._read_list(root) if self.ann_file else None
        there = self.DOMAINS or tuple(sorted(listed) if listed else data_folders(root))
        chosen = self._choose(there)
        self._metainfo['domains'] = there
        if not self._metainfo.get('classes'):
            # From all domains, as labels must not depend on the choice of domains.
            names = {name for domain in there for name in data_folders(root / domain)}
            self._metainfo['classes'] = tuple(sorted(names))
        data_list = []
        for domain in chosen:
            files, parts = self._of_domain(domain, listed)
            self._compare_count(domain, len(files))
            kept = self._part_of(domain, files, parts)
            data_list += [
                dict(img_path=str(path), gt_label=label, domain=there.index(domain))
                for path, label in (files[row] for row in kept)
            ]
        used = [there[number] for number in sorted({info['domain'] for info in data_list})]
        self._check_left(chosen, used)
        self._check_learnable({info['gt_label'] for info in data_list}, used)
        say_if_grey(data_list[0]['img_path'])
        return data_list

    def prepare_data(self, idx: int) -> Any:
        """Read an image through the pipeline.

        Args:
            idx (int): Index of the image.

        Returns:
            Any: The result of the pipeline.

        Raises:
            OSError: If the file cannot be read; the message names it.
        """
        with self._intact.reading(self.get_data_info(idx)['img_path']):
            return super().prepare_data(idx)

    def _choose(self, there: tuple[str, ...]) -> list[str]:
        for domain in (*(self.domains or ()), *self.left_out):
            if domain not in there:
                raise ValueError(
                    f'{self.data_root} has no domain {domain!r}: {suggestion(domain, there)}'
                )
        asked = there if self.domains is None else self.domains
        chosen = [name for name in there if name in asked and name not in self.left_out]
        if not chosen:
            raise ValueError(
                f'{type(self).__name__}: no domain is left: domains are '
                f'{", ".join(asked) or "none"}, left out are {", ".join(self.left_out) or "none"}'
            )
        return chosen

    def _of_domain(
        self, domain: str, listed: dict[str, tuple[list, list]] | None
    ) -> tuple[list[tuple[Path, int]], list[str] | None]:
        if listed is None:
            return self._files(Path(self.data_root) / domain), None
        if domain not in listed:
            raise ValueError(f'{self.ann_file} lists no images of domain {domain}')
        return listed[domain]

    def _read_list(self, root: Path) -> dict[str, tuple[list[tuple[Path, int]], list[str] | None]]:
        """Read the paths and labels, and the parts, of the listed images by domain."""
        images = read_domain_list(Path(self.ann_file), root, self.columns, self.splits)
        numbers = number_labels((image.label for image in images), self._metainfo.get('classes'))
        if not self._metainfo.get('classes'):
            self._metainfo['classes'] = tuple(sorted(numbers, key=numbers.get))
        found: dict[str, tuple[list[tuple[Path, int]], list[str] | None]] = {}
        for image in images:
            if self.DOMAINS and image.domain not in self.DOMAINS:
                raise ValueError(
                    f'{self.ann_file} has domain {image.domain!r}: '
                    f'{suggestion(image.domain, self.DOMAINS)}'
                )
            files, parts = found.setdefault(image.domain, ([], None if image.part is None else []))
            files.append((image.path, numbers[image.label]))
            if parts is not None:
                parts.append(image.part)
        return found

    def _files(self, folder: Path) -> list[tuple[Path, int]]:
        """List the path and label of each image of a domain, in the order of the names."""
        if not folder.is_dir():
            raise FileNotFoundError(
                f'{type(self).__name__}: domain folder {absent(folder)}'
            )
        classes = self._metainfo['classes']
        files = [
            (folder / name / file, label)
            for label, name in enumerate(classes)
            for file in image_files(folder / name)
        ]
        if not files:
            raise ValueError(f'domain {folder.name} is empty: {folder} has no images')
        unknown = sorted(set(data_folders(folder)) - set(classes))
        if unknown:
            raise ValueError(
                f'domain {folder.name} has {folder / unknown[0]}, which is not one of the '
                f'{len(classes)} classes: {", ".join(classes)}'
            )
        self._check_classes(f'domain {folder.name}', files, f'{folder} needs a folder for it')
        return files

    def _part_of(
        self, domain: str, files: list[tuple[Path, int]], parts: list[str] | None
    ) -> list[int]:
        if parts is not None:
            # Of no part are images whose split has no meaning here.
            rows = [row for row, part in enumerate(parts) if part and self.part in ('all', part)]
            others = ' and '.join(sorted({part for part in parts if part}))
            fix = 'give splits for the values in the column split'
            if others:
                fix = f'its images are of {others}: change part, or leave it out of domains'
        elif self.part == 'all':
            return list(range(len(files)))
        elif self.part == 'test':
            raise ValueError(
                f"{type(self).__name__}: part='test' needs a list of images (ann_file) with "
                "'test' in its column split"
            )
        else:
            # A random split depends on the names, not on the order of a list.
            places = list(range(len(files)))
            if self.ann_file:
                places.sort(key=files.__getitem__)
            drawn = self._split(domain, [files[place][1] for place in places])
            rows, fix = sorted(places[row] for row in drawn), 'change holdout'
        what = f'the {self.part} part of domain {domain} ({len(rows)} of {len(files)} images)'
        if not rows and (parts is None or self.domains is not None):
            raise ValueError(f'{what} has no images: {fix}')
        if not rows or self.part == 'all':
            return rows
        hint = '' if parts is not None or self.stratify else '; stratify=True includes each class'
        self._check_classes(what, [files[row] for row in rows], f'it stays unseen there{hint}')
        return rows

    def _split(self, domain: str, labels: list[int]) -> list[int]:
        """Draw the rows of a part."""
        order = np.random.default_rng([self.seed, zlib.crc32(domain.encode())]).permutation(
            len(labels)
        )
        groups = [order]
        if self.stratify:
            groups = [order[np.asarray(labels)[order] == label] for label in sorted(set(labels))]
        rows: list[int] = []
        for group in groups:
            size = round(self.holdout * len(group))
            if self.stratify:
                size = min(max(size, 1), len(group) - 1)
            rows += (group[:size] if self.part == 'holdout' else group[size:]).tolist()
        return sorted(rows)

    def _check_classes(self, what: str, files: list[tuple[Path, int]], consequence: str) -> None:
        """Warn of classes that a part of a domain lacks."""
        found = {label for _, label in files}
        missing = [
            name for label, name in enumerate(self._metainfo['classes']) if label not in found
        ]
        if missing:
            more = f' and {counted(len(missing) - 1, "other", "others")}' if missing[1:] else ''
            print_log(
                f'{type(self).__name__}: {what} has no image of class {missing[0]}{more}: '
                f'{consequence}',
                logger='current',
                level=logging.WARNING,
            )

    def _check_left(self, chosen: list[str], used: list[str]) -> None:
        """Say which domains of a list have no images of the part; refuse if none has."""
        name, what = type(self).__name__, 'any part' if self.part == 'all' else f'part {self.part}'
        if not used:
            raise ValueError(f'{name}: {self.ann_file} has no images of {what}: list some')
        empty = [domain for domain in chosen if domain not in used]
        if empty:
            print_log(
                f'{name}: {self.ann_file} has no images of {what} for {len(empty)} of '
                f'{len(chosen)} domains, such as {empty[0]}: left out',
                logger='current',
                level=logging.WARNING,
            )

    def _check_learnable(self, found: set[int], chosen: list[str]) -> None:
        """Refuse to learn a class without images."""
        if self.part in ('holdout', 'test') or self.test_mode:
            return
        for label, name in enumerate(self._metainfo['classes']):
            if label not in found:
                raise ValueError(
                    f'{type(self).__name__}: domains {", ".join(chosen)} have no image of class '
                    f'{name} to learn from: add some, choose other domains, or set '
                    'test_mode=True if the data set is not for training'
                )

    def _compare_count(self, domain: str, count: int) -> None:
        published = self.IMAGES.get(domain)
        if published not in (None, count):
            print_log(
                f'{type(self).__name__}: {self.data_root}/{domain} has {count} images, but the '
                f'published set has {published}: results will not be comparable',
                logger='current',
                level=logging.WARNING,
            )


def _listed(names: str | Sequence[str]) -> tuple[str, ...]:
    # --cfg-options reads a domain's name such as 4 as a number.
    alone = isinstance(names, str) or not isinstance(names, Iterable)
    return tuple(map(str, (names,) if alone else names)) if names is not None else ()


# The classes of OfficeHome.
_OBJECTS = '''
Alarm_Clock Backpack Batteries Bed Bike Bottle Bucket Calculator Calendar Candles Chair
Clipboards Computer Couch Curtains Desk_Lamp Drill Eraser Exit_Sign Fan File_Cabinet
Flipflops Flowers Folder Fork Glasses Hammer Helmet Kettle Keyboard Knives Lamp_Shade
Laptop Marker Monitor Mop Mouse Mug Notebook Oven Pan Paper_Clip Pen Pencil Postit_Notes
Printer Push_Pin Radio Refrigerator Ruler Scissors Screwdriver Shelf Sink Sneakers Soda
Speaker Spoon TV Table Telephone ToothBrush Toys Trash_Can Webcam
'''


@DATASETS.register_module()
class VLCS(MultiDomain):
    """VLCS: photographs from four data sets (Fang et al., ICCV 2013).

    The folders are those of DomainBed, such as ``<data_root>/VOC2007/bird/*``.

    Args:
        **kwargs: Arguments of :class:`MultiDomain`.
    """

    METAINFO = {'classes': ('bird', 'car', 'chair', 'dog', 'person')}
    DOMAINS = ('Caltech101', 'LabelMe', 'SUN09', 'VOC2007')
    IMAGES = dict(zip(DOMAINS, (1415, 2656, 3282, 3376), strict=True))


@DATASETS.register_module()
class PACS(MultiDomain):
    """PACS: art, cartoons, photographs and sketches (https://arxiv.org/abs/1710.03077).

    Args:
        **kwargs: Arguments of :class:`MultiDomain`.
    """

    METAINFO = {
        'classes': ('dog', 'elephant', 'giraffe', 'guitar', 'horse', 'house', 'person')
    }
    DOMAINS = ('art_painting', 'cartoon', 'photo', 'sketch')
    IMAGES = dict(zip(DOMAINS, (2048, 2344, 1670, 3929), strict=True))


@DATASETS.register_module()
class OfficeHome(MultiDomain):
    """Office-Home: 65 objects in four styles (https://arxiv.org/abs/1706.07522).

    Args:
        **kwargs: Arguments of :class:`MultiDomain`.
    """

    METAINFO = {'classes': tuple(_OBJECTS.split())}
    DOMAINS = ('Art', 'Clipart', 'Product', 'Real World')
    IMAGES = dict(zip(DOMAINS, (2427, 4365, 4439, 4357), strict=True))


@DATASETS.register_module()
class TerraIncognita(MultiDomain):
    """Terra Incognita: animals at four camera traps (https://arxiv.org/abs/1807.04975).

    This is DomainBed's choice of ten classes and four locations of Caltech
    Camera Traps. Image counts differ between versions, so they are not checked.

    Args:
        **kwargs: Arguments of :class:`MultiDomain`.
    """

    METAINFO = {
        'classes': (
            'bird', 'bobcat', 'cat', 'coyote', 'dog', 'empty', 'opossum', 'rabbit', 'raccoon',
            'squirrel',
        )
    }  # fmt: skip
    DOMAINS = ('location_100', 'location_38', 'location_43', 'location_46')
