"""An officer enters for a person who stands there. It becomes a registration only by the person's own agreement:
the code sent to their phone, or their own tap behind the receipt's QR. Likewise who agrees anew to a changed notice; that
entry's code opens nothing but the question."""

import hashlib
import hmac
import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit, wall
from members import answers as answers_apart
from members import identity, selectors, sms
from members.errors import ConsentMissing, Refused
from members.models import Draft, Notice, Receipt, Registration
from members.services.anew import registration_renew
from members.services.drafts import draft_content, draft_save
from members.services.submit import NO_PROOF, Answers, Origin, receipt_of, registration_submit

KEEP = timedelta(minutes=30)
CODE_LIVES = timedelta(minutes=10)
SEND_AGAIN_AFTER = timedelta(seconds=60)
TRIES = 5
Confirmation = Registration.Confirmation


def counter_start(*, form_token: uuid.UUID, answers: dict, consents: list[str], guidance_station, by) -> Draft:
    """Keep the officer's form for half an hour, until the person agrees."""
    draft = draft_save(form_token=form_token, by=by, keep=KEEP, answers=answers, consents=consents)
    draft.channel, draft.guidance_station = Registration.Channel.COUNTER, guidance_station
    draft.save(update_fields=["channel", "guidance_station"])
    answers_apart.write_draft(draft)
    return draft


@wall.everywhere()
def counter_anew(*, registration: Registration, consents: list[str], by) -> Draft:
    """The person at the window agrees anew (services/anew.py): kept like a form, until they do. Raises Refused."""
    if not selectors.is_consent_due(registration):
        raise Refused("这条报到不用重新取得同意，或者本人刚刚已经同意；请刷新页面查看。")
    token = uuid.uuid4()
    draft = draft_save(form_token=token, by=by, keep=KEEP, registration=registration.pk, consents=consents)
    draft.channel, draft.guidance_station = Registration.Channel.COUNTER, registration.guidance_station
    draft.save(update_fields=["channel", "guidance_station"])
    answers_apart.write_draft(draft)
    return draft


@wall.everywhere()
def registration_of_draft(draft: Draft) -> Registration | None:
    """Whose consent is asked for anew; None for an entry of somebody new, or where the person was erased meanwhile."""
    known = draft_content(draft).get("registration")
    return Registration.objects.filter(pk=known, erased_at__isnull=True).first() if known else None


def phone_of_draft(draft: Draft) -> str:
    """Raises Refused: erased meanwhile."""
    content = draft_content(draft)
    if "answers" in content:
        return content["answers"]["phone"]
    registration = registration_of_draft(draft)
    if registration is None or not registration.phone:
        raise Refused("这条报到已经抹除，不用再办。")
    return registration.phone


def _digest(draft: Draft, code: str) -> str:
    message = f"confirm:{draft.form_token}:{code}".encode()
    return hmac.new(settings.DIGEST_KEY, message, hashlib.sha256).hexdigest()


def counter_send_code(*, draft: Draft, by) -> str:
    """Send six digits to the phone in the form. Returns them for the demo's page; elsewhere an empty text.

    Raises Refused (too soon), sms.SmsUnavailable.
    """
    now = timezone.now()
    if draft.confirm_sent_at is not None and now - draft.confirm_sent_at < SEND_AGAIN_AFTER:
        raise Refused("刚刚发送过，请一分钟后再发。")
    code = f"{secrets.randbelow(10**6):06d}"
    notice = selectors.current_notice()
    version = notice.version if notice else ""
    if "registration" in draft_content(draft):
        said = f"变更后的《告知书》{version}；不同意请不要提供，没有任何影响。"
    else:
        said = f"《告知书》{version}并由其代为填写；不同意请不要提供，不报到没有任何影响。"
    sms.send(phone_of_draft(draft), f"党员自主报到确认码 {code}，10 分钟内有效。告诉工作人员即表示您同意{said}")
    draft = draft_save(form_token=draft.form_token, notice=version)
    draft.confirm_digest, draft.confirm_tries, draft.confirm_sent_at = _digest(draft, code), 0, now
    draft.save(update_fields=["confirm_digest", "confirm_tries", "confirm_sent_at"])
    audit.record("members.counter.send_code", by=by, units=[draft.guidance_station_id])
    return code if settings.DEMO else ""


def counter_confirm_by_code(*, draft: Draft, code: str, by) -> Receipt | None:
    """The person said the code. Raises ConsentMissing. Returns None for who agreed anew."""
    if receipt := receipt_of(draft.form_token):
        return receipt
    fresh = draft.confirm_sent_at is not None and timezone.now() - draft.confirm_sent_at < CODE_LIVES
    if not draft.confirm_digest or not fresh:
        raise ConsentMissing("缺少本人同意凭证：请先发送确认码；超过 10 分钟的要重新发送。")
    counted = Draft.objects.filter(pk=draft.pk, confirm_tries__lt=TRIES).update(confirm_tries=F("confirm_tries") + 1)
    if not counted:
        raise ConsentMissing("确认码错误次数太多，请重新发送，或改用本人扫码确认。")
    if not hmac.compare_digest(draft.confirm_digest, _digest(draft, identity.normalise_code(code))):
        raise ConsentMissing("缺少本人同意凭证：确认码不对，请核对后再填。")
    content = draft_content(draft)  # with the version that the message named
    return _submit(draft, set(content["consents"]), Confirmation.SMS, content.get("notice"))


def counter_confirm_by_tap(*, draft: Draft, consents: set[str], version: str | None = None) -> Receipt | None:
    """The person opened the entry's QR on an own phone, read `version` of the notice, ticked and agreed there."""
    return _submit(draft, consents, Confirmation.TAP, version)


def _submit(draft: Draft, consents: set[str], confirmation: str, version: str | None) -> Receipt | None:
    named = Notice.objects.filter(version=version, published_at__isnull=False).first()
    notice = named or selectors.current_notice()
    if notice is None or draft.by is None:
        raise ConsentMissing(NO_PROOF)
    if "registration" in draft_content(draft):
        _renew(draft, consents, notice, confirmation)
        return None
    answers = dict(draft_content(draft)["answers"])
    if "id_number" not in consents:
        answers["id_number"] = ""
    return registration_submit(
        form_token=draft.form_token,
        answers=Answers(**answers),
        consents=consents,
        notice=notice,
        origin=Origin(
            channel=Registration.Channel.COUNTER, confirmation=confirmation, guidance_station=draft.guidance_station
        ),
        by=draft.by,
    )


@transaction.atomic
def _renew(draft: Draft, consents: set[str], notice: Notice, confirmation: str) -> None:
    """The entry stays until its half hour is over, to say on both screens that it is done."""
    registration = registration_of_draft(draft)
    if registration is None:
        raise Refused("这条报到已经抹除，不用再办。")
    how = str(Confirmation(confirmation).label)
    registration_renew(registration=registration, consents=consents, notice=notice, how=how, by=draft.by)
    answers_apart.write_draft(draft_save(form_token=draft.form_token, is_done=True))
