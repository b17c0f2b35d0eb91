"""The other department's manual says what is true, and its example runs."""

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from markets.models import Business
from members.intake import items, persons
from members.intake.signature import sign, signed_text
from members.models import IntakeClient, IntakeEvent
from members.services.intake_clients import intake_client_rotate
from tests import factories as make
from tests.members import make as people
from tests.members.intake_tools import item, make_client, person, results

MANUAL = (Path(settings.BASE_DIR) / "docs" / "intake.md").read_text("utf-8")
EXAMPLE = Path(settings.BASE_DIR) / "docs" / "examples" / "intake_client.py"


def said(word: str) -> str:
    return re.search(rf"^{word} +(\S.*)$", MANUAL, re.M)[1]


@pytest.mark.parametrize("algorithm", IntakeClient.Algorithm.values)
def test_the_worked_example_of_the_signature(algorithm):
    method, path = said("请求").split()
    body = said("请求体").encode()
    text = signed_text(
        method=method, path=path, timestamp=said("时间戳"), idempotency_key=said("幂等键"), body=body,
        algorithm=algorithm,
    )  # fmt: skip
    name = algorithm.upper()
    assert said(f"{name} 摘要") == hashlib.new(algorithm, body).hexdigest() == text.splitlines()[-1]
    by_hand = hmac.new(said("密钥").encode(), text.encode(), algorithm).hexdigest()
    assert said(f"{name} 签名") == by_hand == sign(said("密钥"), text, algorithm)


@pytest.mark.django_db
def test_the_body_of_the_worked_example_and_the_sample_are_taken(client):
    sender = make_client(make.make_city().city)
    sample = json.loads(re.search(r"```json\n(\{\"items\".*?)\n```", MANUAL, re.S)[1])["items"][0]
    sample["persons"][0]["consent_ref"] = person()["consent_ref"]
    found = results(client, sender, json.loads(said("请求体"))["items"][0], sample)
    assert [one["result"] for one in found] == ["accepted", "updated"] and found[1]["persons"] == [persons.RECEIVED]


def test_every_word_of_the_interface_is_explained():
    words = [
        *items.BUSINESS, *items.ITEM, *items.Kind.values, *persons.FIELDS, *persons.CONSENT, *persons.ROLES,
        *persons.CHANNELS, "accepted", "updated", "unchanged", "refused", "invalid", "stale", "repeated",
        "out_of_scope", "registered_elsewhere", "hand_over", "hand_over_not_agreed", "older", "consent_missing",
    ]  # fmt: skip
    assert [word for word in words if word not in MANUAL] == []


def run(live_server, sender, *arguments: str) -> subprocess.CompletedProcess:
    known = {"INTAKE_URL": f"{live_server.url}/", "INTAKE_KEY": sender.key_id, "INTAKE_SECRET": sender.secret}
    environment = os.environ | known | {"INTAKE_ALGORITHM": sender.algorithm, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-I", str(EXAMPLE), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("algorithm", IntakeClient.Algorithm.values)
def test_the_example_client_runs(live_server, tmp_path, algorithm):
    sender = make_client(make.make_city().city, algorithm=algorithm)
    people.notice()
    good, bad = item(persons=[person()]), item(event_type="x")
    file = tmp_path / "items.json"
    no_consent = item(business=good["business"], persons=[person(consent_ref={"channel": "x"})])
    for sent, code in (([good], 0), ([good], 0), ([good, bad], 1), ([no_consent], 1)):
        file.write_text(json.dumps({"items": sent}), encoding="utf-8")
        done = run(live_server, sender, "send", str(file))
        assert done.returncode == code, done.stderr
        assert [one["result"] for one in json.loads(done.stdout)["results"]][0] in ("accepted", "unchanged")
    assert (Business.objects.count(), IntakeEvent.objects.count()) == (1, 2)
    missing = run(live_server, sender, "send", str(tmp_path / "none.json"))
    assert missing.returncode == 1 and missing.stderr.startswith("打不开文件") and "Traceback" not in missing.stderr
    told = run(live_server, sender, "feedback", "--since", "2026-01-01T00:00:00+08:00")
    assert told.returncode == 0 and told.stdout.startswith(f"{good['event_id']} 已接收 ") and "接收 2 件" in told.stdout
    intake_client_rotate(client=sender, by=None)
    IntakeClient.objects.update(former_secret=None, former_until=None)
    assert run(live_server, sender, "feedback").returncode == 1
