"""The product with two mistakes that a request switches on by a header: the controls of tests/test_race.py.

`X-Mistake: cache`: the kept parts of a dashboard are named without saying whose they are. `X-Mistake: thread`: who asks is
kept where all threads find it. Both are what that test must be able to see; the product imports nothing of this. Two people
may search here as often as eight threads ask.
"""

import time

from config.wsgi import application  # noqa: F401  what gunicorn serves; first, for it loads the rooms

from accounts import limits  # isort: skip
from accounts.middleware import WallMiddleware  # isort: skip
from reports import page_cache  # isort: skip

_call, _key = WallMiddleware.__call__, page_cache._key
_asking: list = []
limits.LIMITS["search_person"] = limits.Limit(10**9, "searches of somebody signed in")


def answer_whoever_asked_last(self, request):
    request.user.mistake = request.headers.get("X-Mistake")
    if request.user.mistake == "thread":
        _asking[:] = [request.user]
        time.sleep(0.001)  # another thread comes in between
        request.user = _asking[0]
    return _call(self, request)


def key_of_nobody(user, unit, query):
    return ["anybody"] if user.mistake == "cache" else _key(user, unit, query)


WallMiddleware.__call__ = answer_whoever_asked_last
page_cache._key = key_of_nobody
