"""The page: its tables have the results' numbers, and anyone can read it."""

import base64
import io
import re
from html.parser import HTMLParser

import pytest
import scorecards
from PIL import Image

from mmct.corruptions import CORRUPTIONS
from mmct.evaluation import Reference, compare
from mmct.report import FIGURES, render
from mmct.report.figures import LIGHT, blank
from mmct.report.page import _cells

EVIL = 'a <b>&"\' run | $x$ [red]'
# A figure of all 19 takes seconds.
FEW = ('fog', 'snow')
EACH_KIND = ('shot_noise', 'fog', 'spatter')
VOID = {'meta', 'img', 'source', 'br', 'link', 'input'}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {'style', 'title'} & set(self.open):
            self.texts.append(data)

    def all(self, *tags):
        return [attrs for tag, attrs in self.tags if tag in tags]


def png():
    content = io.BytesIO()
    Image.new('RGB', (4, 4)).save(content, 'PNG')
    return base64.b64encode(content.getvalue()).decode()


def examples(prediction='dog'):
    return [
        dict(corruption=name, severity=3 if name else 0, image=image, label=1, label_name='<cat>',
             prediction_name=prediction, png=png())
        for name in (None, 'fog') for image in range(20)
    ]  # fmt: skip


@pytest.fixture
def without_figures(monkeypatch):
    """A page is drawn in seconds, most of them for its figures."""
    monkeypatch.setattr('mmct.report.page.FIGURES', dict.fromkeys(FIGURES, small_figure))


def small_figure(comparison, theme=LIGHT, narrow=False):
    return blank(1, 1, theme)


def page_of(results, baseline=None, common=False):
    files = render(compare(results, baseline, common), 'r')
    assert list(files) == ['r.html', 'r_dumbbell.png', 'r_heatmap.png', 'r_severities.png']
    text = files['r.html'].decode()
    return Page(text), text


@pytest.fixture(scope='module')
def results():
    reference = Reference('the <base>', dict.fromkeys(CORRUPTIONS, 50.0), 20.0)
    return [
        scorecards.make('base', 0, EACH_KIND, examples=examples()),
        scorecards.make(EVIL, 1, EACH_KIND, skill=0.7, reference=reference,
                        examples=examples('<emu>')),
        scorecards.make('third', 2, EACH_KIND),
    ]  # fmt: skip


@pytest.fixture(scope='module')
def page(results):
    return page_of(results, baseline=0)


def test_numbers_are_those_of_the_results(page, results):
    texts = {text.strip() for text in page[0].texts}
    for result in results:
        summary = result['summary']
        low, high = summary['raw_mce_interval_pct']
        wanted = [
            f'{summary["raw_mce_pct"]:.2f}', f'[{low:.2f}, {high:.2f}]',
            f'{summary["gap_pct"]:.2f}', f'{summary["extra_pct"]:.2f}',
            f'{summary["raw_mce_pct"]:.1f} %', f'{summary["clean_error_pct"]:.1f} %',
            f'{summary["ece_pct"]["corrupted"]:.2f}',
            *(f'{mean:.2f}' for mean in summary['categories_pct'].values()),
            *(f'{mean:.2f}' for mean in summary['corruption_error_pct'].values()),
            *(f'{cell["error_pct"]:.2f}' for cell in result['cells']),
        ]  # fmt: skip
        assert set(wanted) <= texts
    assert f'{results[1]["summary"]["normalised"]["relative_mce_pct"]:.2f}' in texts
    found = compare(results, 0).differences[1]['raw_mce_pct']
    assert f'[{found["low"]:+.2f}, {found["high"]:+.2f}]' in texts
    word = 'better' if found['high'] < 0 else 'no significant difference'
    assert f'{found["value"]:+.2f} {word}' in texts


def test_words_say_what_the_difference_is(without_figures):
    runs = [scorecards.make('a', 0, FEW), scorecards.make('worse', 1, FEW, skill=0.2),
            scorecards.make('same', 0, FEW)]  # fmt: skip
    texts = ' '.join(page_of(runs, 0)[0].texts)
    assert 'worse' in texts and '+0.00 no significant difference' in texts
    assert re.search(r'worse makes \d+\.\d points more errors than a on corrupted images', texts)
    said = 'same and a show no significant difference on corrupted images or on clean ones'
    assert said in texts
    for usual in ('Less is better', 'Below zero is better'):
        texts = texts.replace(usual, '')
    assert 'better' not in texts


def test_images_that_flip_are_shown_with_both_predictions(page, results):
    found = compare(results, 0)
    flipped = [e for e in found.examples if e['right'][0] != e['right'][1]]
    fixed = sum(e['right'][1] for e in flipped)
    assert 0 < fixed < len(flipped) > 8
    text = ' '.join(page[0].texts)
    assert f'On {fixed} of them {EVIL} is right and base is wrong, and on ' in text
    assert len(page[0].all('img')) == 3 + 8
    # Of the third run nothing is known but if it was right.
    shown = [text for text in page[0].texts if text[:1] in '✓✗' and text.strip()]
    assert {text[2:] for text in shown} == {
        'base: dog', f'{EVIL}: <emu>', 'third: right', 'third: wrong',
    }  # fmt: skip
    assert len(shown) == 3 * 8
    marks = {(base[0], other[0]) for base, other in zip(shown[::3], shown[1::3], strict=True)}
    assert marks == {('✓', '✗'), ('✗', '✓')}


def test_raw_normalised_and_generated_are_named(page):
    text = ' '.join(page[0].texts)
    assert 'raw mCE' in text
    assert 'mCE normalised by the <base>' in text
    assert 'It is not normalised' in text
    assert 'not scores on a released set' in text


def test_names_are_text_and_not_markup(page):
    assert EVIL in page[0].texts
    assert '<b>' not in page[1]
    assert '<cat>' in ' '.join(page[0].texts)


def test_nothing_is_loaded_from_elsewhere(page):
    assert not re.findall(r'https?://|url\(|@import', page[1])
    for attrs in page[0].all('img', 'source'):
        assert attrs.get('src', attrs.get('srcset')).startswith('data:image/png;base64,')
    assert not page[0].all('script', 'link', 'iframe')


def test_it_can_be_read_without_seeing_or_pointing(page):
    tags = page[0].tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch('h[1-6]', tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert all(attrs.get('alt') for attrs in page[0].all('img'))
    assert all(attrs.get('scope') in ('row', 'col') for attrs in page[0].all('th'))
    assert len(page[0].all('caption')) == len(page[0].all('table')) >= 6
    boxes = [attrs for attrs in page[0].all('div') if 'scroll' in attrs.get('class', '')]
    assert all(box['tabindex'] == '0' and box['aria-label'] for box in boxes)
    assert page[0].all('html')[0]['lang'] == 'en'
    links = [attrs['href'] for attrs in page[0].all('a')]
    assert links[0] == '#content'  # past the navigation
    ids = {attrs['id'] for _, attrs in tags if 'id' in attrs}
    assert {link[1:] for link in links} <= ids
    for rule in ('prefers-color-scheme: dark', '@media print', 'max-width', ':focus-visible'):
        assert rule in page[1]


def test_the_same_results_give_the_same_bytes(without_figures):
    runs = [scorecards.make('a', 0, FEW, examples=examples()), scorecards.make('b', 1, FEW)]
    assert page_of(runs, 0)[1] == page_of(runs, 0)[1]


@pytest.mark.parametrize(
    'settings, missing',
    [
        (dict(clean=False, corruptions=('fog',)), ['clean error', 'gap']),
        (dict(corruptions=('fog',), severities=(2,)), ['mean of noise', 'extra corruptions']),
        (dict(source='released', corruptions=('fog',)), ['generated']),
    ],
    ids=str,
)
def test_what_there_is_not_leaves_no_holes(settings, missing):
    page, text = page_of([scorecards.make(**settings)])
    start = text.index('id="scores"')
    tables = text[start:text.index('What the numbers mean')]
    assert not any(word in tables for word in missing)
    assert 'None' not in ' '.join(page.texts).replace('NoneType', '')
    assert 'id="differences"' not in text
    assert 'id="pictures"' not in text


def test_errors_are_those_of_the_cell_in_whatever_order_a_file_grew():
    one, two = scorecards.make('one', 0), scorecards.make('two', 1)
    two['cells'].reverse()
    rows = {row.name: [cell.value for cell in row.cells] for row in _cells([one, two])}
    for cell in two['cells']:
        name = f'{cell["corruption"].replace("_", " ")} {cell["severity"]}'
        assert rows[name][1] == cell['error_pct']


def test_other_corruptions_than_the_benchmarks():
    names = ('plasma_noise', 'sparkles')
    categories = dict(c_bar=list(names))
    page, _ = page_of([scorecards.make(corruptions=names, categories=categories)])
    assert 'plasma noise' in page.texts
    assert 'mean of c_bar' in page.texts
    assert any('not the 15 corruptions' in text for text in page.texts)
