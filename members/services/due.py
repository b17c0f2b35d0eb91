"""重新取得同意 (PIPL Art. 14(2)): what rests on a consent stops when purpose, manner or kinds changed, until the person agrees
anew. Nothing is lost by it: what was agreed stays good for what it was given for."""

from members import selectors
from members.errors import ConsentMissing
from members.models import Consent, Member, Registration

DUE = "须重新取得同意：告知书变更后，本人还没有重新同意，这一项先不能办。请本人打开回执办理，或到窗口当面办理。"
# Of a consent that was given elsewhere and told to us.
OLD_WORDS = "这一版告知书之后又有变更，须重新取得同意：请由本人阅读新的一版，再送来新的同意凭证"


def refuse_if_due(whose: Member | Registration, item: str = Consent.Item.MEMBERSHIP) -> None:
    """Raises ConsentMissing."""
    if selectors.is_consent_due(whose, item):
        raise ConsentMissing(DUE)
