# What is shown of each arm: of a score on the benchmark's corruptions, called corruption.
seeds = 3
table = {
    'clean error, %': 'corruption.clean_error_pct',
    'mCE, %': 'corruption.raw_mce_pct',
    'gap': 'corruption.gap_pct',
    'relative gap, %': dict(relative='corruption'),
    'calibration error, clean, %': 'corruption.rms_calibration_pct.clean',
    'calibration error, corrupted, %': 'corruption.rms_calibration_pct.corrupted',
}
figures = dict(errors=dict(type='ErrorArrows'), gains=dict(type='Gains'))
