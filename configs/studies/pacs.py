# vlcs.py on PACS, at 224 px; not run here. What a CPU can do: pacs64_table.py
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
made = studies.leave_one_out(
    __import__('mmct').datasets.PACS.DOMAINS,
    '{{ fileDirname }}/../dg/erm_resnet50_pacs.py',
    _base_.methods,
    _base_.space,
    count=20,
    pairs=True,
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
