# To choose settings on: validation images, under the corruptions that no benchmark has.
scores = dict(
    held_out=dict(
        type='CorruptionScore',
        split='val',
        corruptions=['speckle_noise', 'gaussian_blur', 'spatter', 'saturate'],
        severities=[1, 3, 5],
    ),
)
table = {
    'clean error, %': 'held_out.clean_error_pct',
    'corrupted error, %': 'held_out.raw_mce_pct',
    'gap': 'held_out.gap_pct',
}
