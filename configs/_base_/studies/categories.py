# What is shown of each network: clean error, mCE and the kinds of corruption it is the mean of.
table = {
    'clean error, %': 'corruption.clean_error_pct',
    'mCE, %': 'corruption.raw_mce_pct',
    'noise': 'corruption.categories_pct.noise',
    'blur': 'corruption.categories_pct.blur',
    'weather': 'corruption.categories_pct.weather',
    'digital': 'corruption.categories_pct.digital',
}
figures = dict(errors=dict(type='ErrorArrows'), gains=dict(type='Gains'))
