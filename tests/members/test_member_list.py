"""The list of members leaves on a purpose, above a number of persons on a second person's word, with everybody named."""

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from members import erasure
from members.models import Affiliation, Member
from tables import approving, taking
from tables.models import Export, ExportApproval
from tests import factories
from tests.markets.files import import_file
from tests.members import make

pytestmark = pytest.mark.django_db
ADDRESS = reverse("lists:export", args=["member"])


def test_above_the_limit_for_persons_another_lets_it_go_and_the_audit_names_everybody(client, city, monkeypatch):
    monkeypatch.setattr(approving, "MOST_PERSONS", 1)  # far below what is set for lists of businesses
    branch = factories.make_branch(city.yuehai)
    members = [make.person("欧阳某某"), make.person("上官某某")]
    for member in members:
        factories.make_affiliation(member, branch)
    officer, other = (factories.make_user("officer", city.yuehai) for _ in range(2))
    client.force_login(officer)
    assert "须由另一位有同样权限的人批准" in client.get(ADDRESS).content.decode()
    asked = client.post(ADDRESS, {"purpose": "组织关系核对", "format": "xlsx"})
    assert asked["Location"] == reverse("lists:exports") and not Job.objects.exists()
    client.force_login(other)
    client.post(reverse("lists:approval", args=[ExportApproval.objects.get().pk]), {"decision": "grant"})
    job_run(job_id=Job.objects.get().pk)
    event = AuditEvent.objects.get(act="members.member.export")
    kept = Export.objects.get()
    assert (event.actor, event.subject_type, event.purpose) == (officer, "members.member", "组织关系核对")
    assert sorted(event.subjects) == sorted(member.pk for member in members)
    assert (event.detail["export"], kept.rows) == (kept.pk, 2)
    client.force_login(officer)
    download = reverse("lists:download", args=[kept.pk])
    assert client.get(download).status_code == 200
    file = taking.stored(kept)
    erasure.erase_elsewhere([make.person("无关者")], [])
    assert file.exists()
    erasure.erase_elsewhere(members[:1], [])
    assert not file.exists() and client.get(download).status_code == 404


def test_a_posting_without_the_right_takes_nobody_out(client, city):
    client.force_login(factories.make_user("registrar", city.nanshan))
    assert client.get(ADDRESS).status_code == 403 == client.post(ADDRESS, {"purpose": "查看"}).status_code


def test_the_list_comes_in_again_as_a_roll_without_a_change(client, city, tmp_path):
    """Nor does it put anybody on one: who is only active here stands in it too."""
    branch = factories.make_branch(city.yuehai)
    factories.make_affiliation(make.person("欧阳某某"), branch)
    active = [make.person("上官某某"), make.person("司马某某")]
    for one in active:
        factories.make_affiliation(one, branch, kind="activity")
    Member.objects.filter(pk=active[0].pk).change(id_number=None, id_number_index=None)
    secretary = factories.make_user("secretary", branch)
    client.force_login(secretary)
    answer = client.post(ADDRESS, {"purpose": "组织关系核对", "format": "csv"})
    path = tmp_path / "members.csv"
    path.write_bytes(b"".join(answer.streaming_content))
    answer = import_file(path, secretary, target="roll")
    assert (answer["rows"], answer["unchanged"]) == (3, 3)
    assert Affiliation.objects.formal().count() == 1
