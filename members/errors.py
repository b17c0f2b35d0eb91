"""What the services of this room answer when they do not do what was asked. Messages are for the person who asked."""


class Refused(ValueError):
    """It cannot be done as asked; the message says why and what to do."""


class ConsentMissing(Refused):
    """The person's own agreement is not there: 缺少本人同意凭证."""


class Conflict(Refused):
    """Somebody else was faster; the message says who and what happened."""
