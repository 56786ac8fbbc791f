"""The one error that a caller of this package has to expect."""


class LossError(ValueError):
    """A loss or an expression that makes no sense; one line that says what would be right."""
