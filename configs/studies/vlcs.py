# DomainBed's protocol on VLCS: each domain left out in turn, 20 draws of settings, 3
# trials, three ways to select. For GPUs; not run here. Published rows stand beside ours.
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
domains = __import__('mmct').datasets.VLCS.DOMAINS
made = studies.leave_one_out(
    domains,
    '{{ fileDirname }}/../dg/erm_resnet50_vlcs.py',
    _base_.methods,
    _base_.space,
    count=20,
    pairs=True,
)
arms = made['arms']
of_each = [*domains, 'mean']
published = {
    studies.TRAINING_DOMAINS: {
        'ERM': dict(zip(of_each, (97.7, 64.3, 73.4, 74.6, 77.5), strict=True)),
        'CORAL': dict(zip(of_each, (98.3, 66.1, 73.4, 77.5, 78.8), strict=True)),
        'DANN': dict(zip(of_each, (99.0, 65.1, 73.1, 77.2, 78.6), strict=True)),
        'IRM': dict(zip(of_each, (98.6, 64.9, 73.4, 77.3, 78.5), strict=True)),
    },
    studies.ORACLE: {'ERM': dict(mean=77.6), 'CDANN': dict(mean=79.9)},
}
tables = dict(domains=dict(type='DomainTable', published=published, **made['table']))
