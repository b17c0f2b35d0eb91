"""The writes of this room. Each function: keyword-only, atomic, audited in the same transaction."""

from members.services.anew import receipt_renew, registration_renew
from members.services.counter import (
    counter_anew,
    counter_confirm_by_code,
    counter_confirm_by_tap,
    counter_send_code,
    counter_start,
    phone_of_draft,
)
from members.services.decide import (
    registration_contact,
    registration_mark_duplicate,
    registration_refuse,
    registration_take,
    registration_unreachable,
    registration_verify,
)
from members.services.drafts import draft_content, draft_drop, draft_find, draft_save
from members.services.notice import is_as_published, notice_publish, words_to_begin_with
from members.services.people import (
    affiliation_end,
    affiliation_start,
    member_accept,
    member_edit,
    member_end,
    member_reveal,
    registration_reveal,
)
from members.services.pledges import (
    pledge_create,
    pledge_draft,
    pledge_preview,
    pledge_show,
    pledge_take_off,
    pledge_withdraw,
)
from members.services.posters import poster_create, poster_withdraw
from members.services.requests import rights_answer, rights_copy, rights_request, rights_request_in_person
from members.services.retention import retention_run
from members.services.rights import (
    consent_give,
    consent_withdraw,
    member_code_issue,
    member_code_revoke,
    receipt_erase,
    receipt_withdraw,
    registration_withdraw,
)
from members.services.submit import Answers, Origin, receipt_of, registration_submit

__all__ = [
    "Answers",
    "Origin",
    "affiliation_end",
    "affiliation_start",
    "consent_give",
    "consent_withdraw",
    "counter_anew",
    "counter_confirm_by_code",
    "counter_confirm_by_tap",
    "counter_send_code",
    "counter_start",
    "draft_content",
    "draft_drop",
    "draft_find",
    "draft_save",
    "is_as_published",
    "member_accept",
    "member_code_issue",
    "member_code_revoke",
    "member_edit",
    "member_end",
    "member_reveal",
    "notice_publish",
    "phone_of_draft",
    "pledge_create",
    "pledge_draft",
    "pledge_preview",
    "pledge_show",
    "pledge_take_off",
    "pledge_withdraw",
    "poster_create",
    "poster_withdraw",
    "receipt_erase",
    "receipt_of",
    "receipt_renew",
    "receipt_withdraw",
    "registration_contact",
    "registration_mark_duplicate",
    "registration_refuse",
    "registration_renew",
    "registration_reveal",
    "registration_submit",
    "registration_take",
    "registration_unreachable",
    "registration_verify",
    "registration_withdraw",
    "retention_run",
    "rights_answer",
    "rights_copy",
    "rights_request",
    "rights_request_in_person",
    "words_to_begin_with",
]
