"""What of this room the blind index finds: told to whoever brings it to another key (accounts/rekeying.py)."""

from accounts.rekeying import Indexed, register_index, register_lock
from members import identity
from members.models import Member, MemberCode, Registration
from members.services.submit import lock_keys


def register() -> None:
    for model in (Member, Registration):
        register_index(Indexed(model, "id_number", "id_number_index", "id_number", identity.normalise_id))
        register_index(Indexed(model, "phone", "phone_index", "phone", identity.normalise_phone))
    register_index(Indexed(MemberCode, "code", "code_index", "member_code", identity.normalise_code))
    register_lock(lock_keys)
