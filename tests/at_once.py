"""Several at the same moment, each in a thread with a connection and committed transactions of its own."""

import threading

from django.db import connection


def at_once(*works) -> list:
    """What each said, in their order, or the error it raised."""
    said: list = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(at: int, work) -> None:
        try:
            gate.wait(10)
            said[at] = work()
        except Exception as error:
            said[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(at, work)) for at, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return said


def somebody_waits() -> bool:
    """For a lock of this database that another one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # else a transaction sees nobody who came after its first look
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0
