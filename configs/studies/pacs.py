# The same on PACS, at 224 px; not run here. What a CPU can do: pacs64.py
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
space = {
    'optim_wrapper.optimizer.lr': (5e-5, -5.0, -3.5),
    'optim_wrapper.optimizer.weight_decay': (0.0, -6.0, -2.0),
}
made = studies.leave_one_out(
    ['art_painting', 'cartoon', 'photo', 'sketch'],
    '{{ fileDirname }}/../dg/erm_resnet50_pacs.py',
    _base_.methods,
    studies.draws(space, 20),
    pairs=True,
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
