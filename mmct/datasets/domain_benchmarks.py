"""The benchmarks of domain generalisation that are folders of images."""

from mmpretrain.registry import DATASETS

from .multi_domain import MultiDomain

# Of OfficeHome.
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

    Folders as in DomainBed, ``<data_root>/VOC2007/bird/*``.

    Args:
        **kwargs: As for :class:`MultiDomain`.
    """

    METAINFO = {'classes': ('bird', 'car', 'chair', 'dog', 'person')}
    DOMAINS = ('Caltech101', 'LabelMe', 'SUN09', 'VOC2007')
    IMAGES = dict(zip(DOMAINS, (1415, 2656, 3282, 3376), strict=True))


@DATASETS.register_module()
class PACS(MultiDomain):
    """PACS: art, cartoons, photographs, sketches (https://arxiv.org/abs/1710.03077).

    Args:
        **kwargs: As for :class:`MultiDomain`.
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
        **kwargs: As for :class:`MultiDomain`.
    """

    METAINFO = {'classes': tuple(_OBJECTS.split())}
    DOMAINS = ('Art', 'Clipart', 'Product', 'Real World')
    IMAGES = dict(zip(DOMAINS, (2427, 4365, 4439, 4357), strict=True))


@DATASETS.register_module()
class TerraIncognita(MultiDomain):
    """Animals at four camera traps (https://arxiv.org/abs/1807.04975).

    DomainBed's choice of ten classes and four locations of Caltech Camera
    Traps. Its counts differ between its versions, so none is compared.

    Args:
        **kwargs: As for :class:`MultiDomain`.
    """

    METAINFO = {
        'classes': (
            'bird', 'bobcat', 'cat', 'coyote', 'dog', 'empty', 'opossum', 'rabbit', 'raccoon',
            'squirrel',
        )
    }  # fmt: skip
    DOMAINS = ('location_100', 'location_38', 'location_43', 'location_46')
