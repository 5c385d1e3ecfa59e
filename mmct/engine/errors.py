"""What a run of CT refuses to go on with."""


class CTError(RuntimeError):
    """A cause and its remedy, in one line that a user can act on."""


class DivergedError(CTError):
    """A training whose loss is not finite: an outcome, where many are compared."""


class LockedError(CTError):
    """What another process writes to."""
