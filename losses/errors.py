"""What is raised when a loss expression cannot be meant."""


class LossError(ValueError):
    """A loss or an expression that makes no sense; the message is one line that says what would."""
