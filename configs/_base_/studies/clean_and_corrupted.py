# Of each arm clean and corrupted error, also at equal clean error, and what its
# predictions rest on: of scores that are called corruption, along and features.
table = {
    'clean error, %': 'corruption.clean_error_pct',
    'mCE, %': 'corruption.raw_mce_pct',
    'gap': 'corruption.gap_pct',
    # Against the baseline where it had the clean error with which this arm ends.
    'gap at equal clean error': dict(curve='along', x='clean_error_pct', y='gap_pct'),
}
figures = dict(
    errors=dict(type='ErrorArrows'),
    gains=dict(type='Gains'),
    training=dict(type='TrainingPaths'),
    spectra=dict(type='VarianceSpectra'),
    reliance=dict(type='ReplacedHalves'),
)
