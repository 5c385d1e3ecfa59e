_base_ = './erm_resnet50_vlcs.py'
model = dict(head=dict(num_classes=7))
data_preprocessor = dict(num_classes=7)
pacs = dict(type='PACS', data_root='data/PACS')
train_dataloader = dict(dataset=dict(pacs, left_out='sketch'))
val_dataloader = dict(dataset=dict(pacs, left_out='sketch'))
test_dataloader = dict(dataset=dict(pacs, domains='sketch'))
