"""What a run of CT refuses to go on with."""


class CTError(RuntimeError):
    """A cause and its remedy, in one line that a user can act on."""
