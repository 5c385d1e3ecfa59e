# DomainBed's protocol on VLCS: each domain left out in turn, 20 draws of settings, 3
# trials, three ways to select. For GPUs; not run here. Published rows stand beside ours.
_base_ = ['../_base_/studies/domains.py', '../_base_/studies/vlcs_published.py']
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
    way: {
        method: dict(
            zip(of_each, [cell.replace('±', ' ± ') for cell in cells.split()], strict=True)
        )
        for method, cells in rows.items()
    }
    for way, rows in _base_.vlcs_published.items()
}
tables = dict(domains=dict(type='DomainTable', published=published, **made['table']))
