# Which recipe of CT is best on the digits: chosen on training images that no network learns
# from, under the four corruptions that no benchmark contains. The rule, written down before
# any of these networks was trained, and what came out: docs/recipe.md
_base_ = [
    '../_base_/studies/recipes.py',
    '../_base_/studies/held_out.py',
    '../_base_/studies/narrow_digits.py',
]
arms = {
    name: dict(
        config='{{ fileDirname }}/../_base_/studies/digits_part.py',
        group='digits',
        variant=name,
        **settings,
    )
    for name, settings in {**_base_.networks, **_base_.recipes}.items()
}
seeds = 5
