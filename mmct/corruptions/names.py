"""The names of the corruptions, in the order of every table."""

BENCHMARK = (
    'gaussian_noise',
    'shot_noise',
    'impulse_noise',
    'defocus_blur',
    'glass_blur',
    'motion_blur',
    'zoom_blur',
    'snow',
    'frost',
    'fog',
    'brightness',
    'contrast',
    'elastic_transform',
    'pixelate',
    'jpeg_compression',
)
"""The 15 that a mean corruption error is taken over (Hendrycks & Dietterich, 2019)."""

EXTRA = ('speckle_noise', 'gaussian_blur', 'spatter', 'saturate')
"""The 4 that the benchmark keeps for validation."""

CORRUPTIONS = BENCHMARK + EXTRA
"""All 19."""

CATEGORIES = dict(
    noise=BENCHMARK[:3],
    blur=BENCHMARK[3:7],
    weather=BENCHMARK[7:11],
    digital=BENCHMARK[11:],
    extra=EXTRA,
)
"""The kinds of corruption that tables have means for; the extra ones stand apart."""

SEVERITIES = (1, 2, 3, 4, 5)
"""From weak to strong."""
