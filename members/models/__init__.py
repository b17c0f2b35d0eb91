from members.models.assessments import ImpactAssessment
from members.models.ferry import FerryFile
from members.models.guides import Instructor, InstructorAssignment, Pledge, Seat
from members.models.inbox import Answer, Submission
from members.models.intake import IntakeClient, IntakeEvent, IntakePerson
from members.models.member import Affiliation, Member, MemberCode, Transfer
from members.models.registration import ContactLog, Draft, Poster, Receipt, Registration
from members.models.rights import Consent, Notice, RightsRequest

__all__ = [
    "Affiliation",
    "Answer",
    "Consent",
    "ContactLog",
    "Draft",
    "FerryFile",
    "ImpactAssessment",
    "Instructor",
    "InstructorAssignment",
    "IntakeClient",
    "IntakeEvent",
    "IntakePerson",
    "Member",
    "MemberCode",
    "Notice",
    "Pledge",
    "Poster",
    "Receipt",
    "Registration",
    "RightsRequest",
    "Seat",
    "Submission",
    "Transfer",
]
