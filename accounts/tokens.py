"""What a token is kept as."""

import hashlib


def token_digest(token: str) -> str:
    """The database keeps this only: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
