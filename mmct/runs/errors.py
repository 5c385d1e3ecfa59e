"""What a run of CT refuses to go on with."""



class CTError(RuntimeError):
    """A cause and its remedy, in one line that a user can act on."""


class DivergedError(CTError):
    """A training whose loss is not finite: an outcome, where many are compared."""


class LockedError(CTError):
    """What another process writes to."""


def one_line(error: BaseException) -> str:
    """What an error says, in one line.

    Args:
        error (BaseException): Any.

    Returns:
        str: Its type if it says nothing.
    """
    # A KeyError's text is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if text.startswith('Caught ') and 'Original Traceback' in text:
        # torch's, of a worker: its last line is 'Type: what was said'.
        text = text.rstrip().rpartition('\n')[2].partition(': ')[2]
    return ' '.join(text.split()) or type(error).__name__
