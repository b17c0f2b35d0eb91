"""The two faces without a line between them: what each has for the other goes by signed files (网闸摆渡).

    ferry.show(ServicePoint, ("id", "name"), rows)     # in AppConfig.ready(): what the public side is given to read
    ferry.ferry_out(folder, key)                       # the next file of this side; a command, by whoever carries
    ferry.ferry_in(path)                               # a file of the other side: all of it or nothing

Every file says again whatever the other side has not told to have: a lost one loses nothing. See ADR 0016.
"""

from members.ferry.files import FerryRefused, Header
from members.ferry.incoming import Taken, ferry_in
from members.ferry.outgoing import ferry_out
from members.ferry.shown import show

__all__ = ["FerryRefused", "Header", "Taken", "ferry_in", "ferry_out", "show"]
