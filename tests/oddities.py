"""What people's folders of images have besides images, as a test adds it to a sound folder."""

import shutil

SYSTEM_FOLDERS = '.ipynb_checkpoints', '__MACOSX', '@eaDir'


def add(folder):
    """Add to a folder of class folders what is no data, and move images of each class deeper."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    for path in classes:
        images = sorted(path.iterdir())
        # A picture that is no image of the set, under names that no reader may take.
        first = images[0].read_bytes()
        for name in SYSTEM_FOLDERS:
            (path / name).mkdir()
            (path / name / images[0].name).write_bytes(first)
        (path / f'._{images[0].name}').write_bytes(first[:10])
        (path / 'Thumbs.db').write_bytes(b'\xd0\xcf')
        (path / 'here').symlink_to(path)
        deeper = path / 'more' / 'of them'
        deeper.mkdir(parents=True)
        shutil.move(images[-1], deeper / images[-1].name)
    for name in SYSTEM_FOLDERS:
        (folder / name).mkdir()
        (folder / name / '0.png').write_bytes(first)
    (folder / '.Trash-1000').mkdir()
    for name in ('.DS_Store', 'desktop.ini'):
        (folder / name).write_bytes(b'\0')
