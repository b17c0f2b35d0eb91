from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def idle_seconds() -> int:
    """After which a page is locked that nobody uses."""
    return settings.SESSION_IDLE_MINUTES * 60
