from members.models.guides import Instructor, InstructorAssignment, Pledge, Seat
from members.models.member import Affiliation, Member, MemberCode, Transfer
from members.models.registration import ContactLog, Poster, Receipt, Registration
from members.models.rights import Consent, Notice, RightsRequest

__all__ = [
    "Affiliation",
    "Consent",
    "ContactLog",
    "Instructor",
    "InstructorAssignment",
    "Member",
    "MemberCode",
    "Notice",
    "Pledge",
    "Poster",
    "Receipt",
    "Registration",
    "RightsRequest",
    "Seat",
    "Transfer",
]
