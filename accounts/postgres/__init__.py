"""The database engine of the product (base.py): Django's, that knows of the second wall and of prepared statements."""

from typing import TYPE_CHECKING, cast

from django.db import connection as _connection

if TYPE_CHECKING:
    from accounts.postgres.base import DatabaseWrapper

connection = cast("DatabaseWrapper", _connection)
