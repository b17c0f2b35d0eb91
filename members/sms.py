"""The one way out for text messages. Which gateway carries them is the setting SMS_BACKEND, a dotted path to a
function `send(phone, text)`; the demo writes a line to the log instead and shows the code on the page."""

import logging

from django.conf import settings
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)


class SmsUnavailable(RuntimeError):
    """No gateway is set, or it refused; the message is for the officer."""


def send(phone: str, text: str) -> None:
    """Send one message. Raises SmsUnavailable."""
    backend = settings.SMS_BACKEND
    if backend:
        import_string(backend)(phone, text)
    elif settings.DEMO:
        logger.warning("演示：没有真的发送短信（%d 字，尾号 %s）。", len(text), phone[-4:])
    else:
        raise SmsUnavailable("没有配置短信通道（SMS_BACKEND），不能发送确认码；请改用本人扫码确认。")
