"""Alarms leave by e-mail and syslog: real servers hear them, nothing of a person is in them, what failed is tried again."""

import email
import email.policy
import re
import socket
import socketserver
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from reports import health
from reports.alarms import sending
from reports.alarms.kinds import KINDS
from reports.models import Alarm
from reports.tasks import alarms as task
from tests import factories as make
from tests.persona_alarms import alarm
from tests.served import free_port

pytestmark = pytest.mark.django_db
LINE = re.compile(
    r"<(\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00 \S+ xgz-party-building \d+ (\w+) - \ufeff(.+)", re.DOTALL
)


class Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs that hands over a message."""

    def handle(self):
        self.wfile.write(b"220 sink\r\n")
        body, in_data = [], False
        for line in self.rfile:
            if in_data:
                in_data = line != b".\r\n"
                body += [line] if in_data else []
                if not in_data:
                    self.server.take(b"".join(body))
                    self.wfile.write(b"250 taken\r\n")
                continue
            word = line[:4].upper()
            in_data = word == b"DATA"
            self.wfile.write({b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n"))
            if word == b"QUIT":
                return


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Smtp)
        self.messages: list = []
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def take(self, message: bytes) -> None:
        self.messages.append(email.message_from_bytes(message, policy=email.policy.default))
        self.arrived.set()
        self.go_on.wait(20)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return super().__enter__()

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def mail(settings):
    """The port of the mail server, on which nobody listens yet."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # the test run's own keeps them in memory
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    settings.ALARM_MAIL_TO = ["soc@example.gov.cn", "dangban@example.gov.cn"]
    return settings.EMAIL_PORT


@pytest.fixture
def udp(settings):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:
        place.bind(("127.0.0.1", 0))
        place.settimeout(10)
        settings.ALARM_SYSLOG = f"udp://127.0.0.1:{place.getsockname()[1]}"
        yield place


def owed(kind: str = "large_export", **more) -> Alarm:
    return alarm(kind, owed=["mail", "syslog"], **more)


def test_a_message_by_each_way_says_what_happened_and_where_to_look(mail, udp):
    row = owed(count=3)
    with Sink(mail) as sink:
        sending.send()
    (told,) = sink.messages
    assert told["To"] == "soc@example.gov.cn, dangban@example.gov.cn" and told["Auto-Submitted"] == "auto-generated"
    assert told["Subject"] == "【告警】大批量导出"
    text = told.get_content().strip()
    assert "大批量导出，3 次" in text and "请审计管理员登录系统，在“告警”里查看和处理。" in text
    priority, name, heard = LINE.fullmatch(udp.recv(4096).decode()).groups()
    assert (int(priority), name, heard) == (13 * 8 + 4, "large_export", text)
    row.refresh_from_db()
    assert row.owed == [] and row.trouble == ""
    sending.send()
    assert len(sink.messages) == 1


def test_syslog_by_tcp_counts_its_bytes_and_tells_how_grave_it_is(settings):
    heard = []

    class Take(socketserver.StreamRequestHandler):
        def handle(self):
            heard.append(self.rfile.read())

    with socketserver.TCPServer(("127.0.0.1", 0), Take) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        settings.ALARM_SYSLOG = f"tcp://127.0.0.1:{server.server_address[1]}"
        owed("audit_broken")
        sending.send()
        thread.join()
    size, _, line = heard[0].partition(b" ")
    assert int(size) == len(line) and LINE.fullmatch(line.decode())[1] == str(13 * 8 + 2)


def test_nothing_of_a_person_is_in_any_message(mail, udp):
    """Whatever made it: the text is made of the kind, of counts and of times, and of the page 运行状况."""
    user = make.make_user(username="zhangsan", name="张三")
    for name in KINDS:
        owed(name, about=str(user.pk) if name == "great_rights" else "")
    with Sink(mail) as sink:
        sending.send()
    assert len(sink.messages) == len(KINDS)
    for told in sink.messages:
        text = told.get_content()
        assert "zhangsan" not in text and "张三" not in text
        assert not re.search(r"\d", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d|1 次|manage\.py \w+", "", text)), text


def test_what_did_not_leave_is_tried_again_and_told_on_the_page(mail, udp):
    row = owed()

    def line() -> health.Check:
        return next(check for check in health.checks() if check.name == "告警")

    task()  # nobody listens on the mail's port; its round is what the page asks for
    row.refresh_from_db()
    assert row.owed == ["mail"] and row.trouble == "邮件：ConnectionRefusedError"
    assert LINE.fullmatch(udp.recv(4096).decode())  # the other way did not wait for it
    assert line().state == health.OK
    Alarm.objects.update(told_at=timezone.now() - timedelta(minutes=6))
    assert line().state == health.BAD and "ConnectionRefusedError" in line().told
    with Sink(mail) as sink:
        task()
    assert [told["Subject"] for told in sink.messages if "大批量" in told["Subject"]] == ["【告警】大批量导出"]
    assert line().state == health.OK and "邮件、syslog" in line().told
    assert not Alarm.objects.exclude(owed=[]).exists()


def test_the_same_is_told_again_only_after_a_period(mail, udp, settings):
    from accounts import audit
    from accounts.seals import seal
    from reports.alarms import looking

    looking.look()
    Alarm.objects.all().delete()

    def export() -> None:
        audit.record("markets.business.export", by=None, detail={"rows": 9_000})
        seal()
        task()

    with Sink(mail) as sink:
        export()
        export()
        subjects = [told["Subject"] for told in sink.messages]
        assert subjects.count("【告警】大批量导出") == 1
        Alarm.objects.update(told_at=timezone.now() - timedelta(hours=settings.ALARM_REPEAT_HOURS, minutes=1))
        export()
    texts = [told.get_content() for told in sink.messages if told["Subject"] == "【告警】大批量导出"]
    assert len(texts) == 2 and "大批量导出，3 次" in texts[1]


def test_without_addresses_nothing_is_sent(mail, udp, settings):
    settings.ALARM_MAIL_TO, settings.ALARM_SYSLOG = [], ""
    owed()
    with Sink(mail) as sink:
        sending.send()
    udp.settimeout(0.2)
    with pytest.raises(TimeoutError):
        udp.recv(10)
    assert sink.messages == []


def two_senders(mail, between) -> int:
    """The second begins while the first one's message is being taken; how many messages came."""
    owed()

    def run():
        sending.send()
        connection.close()

    with Sink(mail) as sink:
        sink.go_on.clear()
        threads = [threading.Thread(target=run) for _ in range(2)]
        threads[0].start()
        assert sink.arrived.wait(20)
        between()
        sink.arrived.clear()
        threads[1].start()
        threads[1].join(2) if between is nothing else sink.arrived.wait(20)
        sink.go_on.set()
        for thread in threads:
            thread.join(20)
    return len(sink.messages)


def nothing() -> None:
    pass


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_once(mail):
    assert two_senders(mail, nothing) == 1


@pytest.mark.django_db(transaction=True)
def test_control_under_two_locks_they_send_twice(mail, monkeypatch):
    assert two_senders(mail, lambda: monkeypatch.setattr(sending, "LOCK", sending.LOCK + 1)) == 2
