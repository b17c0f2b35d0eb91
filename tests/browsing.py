"""What the tests in a real browser share: signing in, arriving at a page, what it complained of, whether it fits."""

from django.conf import settings

SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"


def fits(page) -> bool:
    return page.evaluate(SIDEWAYS) is False


def sign_in(page, client, url: str, user) -> None:
    """Gives the page the session of a client that is signed in, without the pages of the sign-in."""
    client.force_login(user, backend="orgs.doors.DoorBackend")
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def complaints(page) -> list[str]:
    """A list that grows by what scripts and the content security policy complain of from now on."""
    heard: list[str] = []
    page.on("console", lambda line: heard.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def arrive(page, at) -> None:
    """Clicks and waits until the page that answers has loaded: a click alone returns when that page begins."""
    with page.expect_navigation():
        at.click()
