"""What can go wrong by somebody's hand, each told in one sentence: the value, the rule, where to look."""


class RungwiseError(Exception):
    """Base of every error a user can cause; the command line prints it and exits with 2."""


class InputError(RungwiseError, ValueError):
    """An argument, a space or a file breaks a rule."""


class ContractError(RungwiseError):
    """A training function or script breaks its contract with the tuner (what it may report, and when)."""


class StoreError(RungwiseError):
    """The store cannot be opened, or does not hold what was asked of it."""


class StorageError(RungwiseError):
    """The storage for checkpoints cannot be reached, read or written, or is another experiment's."""


class SuspendedError(RungwiseError):
    """Too many trials failed in a row: the training is broken. The experiment can be resumed once it is mended."""


class ReplayError(RungwiseError):
    """A log, run again, does not lead to the decisions that it records."""


class PlacesLostError(RungwiseError):
    """Where the trials ran is gone for good; all that they had reported is recorded."""
