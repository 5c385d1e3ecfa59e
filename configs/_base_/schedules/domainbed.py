# DomainBed: Adam at a constant rate, 5,001 steps, a look every 300.
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-5, weight_decay=0.0))
param_scheduler = []
train_cfg = dict(by_epoch=False, max_iters=5001, val_interval=300)
val_cfg = dict()
test_cfg = dict()
