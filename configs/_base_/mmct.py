# What every config of mmct needs: its classes in mmpretrain's registries.
custom_imports = dict(imports=['mmct'], allow_failed_imports=False)
