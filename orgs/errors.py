"""What the services of this room answer when they do not do what was asked."""


class TreeError(ValueError):
    """What was asked for cannot stand in the tree; the message is for the person who asked.

    `field` names the column of Organization (or the field of the form) that is to be mended, where there is one.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
