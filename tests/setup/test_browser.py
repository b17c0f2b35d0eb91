"""The two widths every page is looked at, and a browser that shows Chinese."""

PAGE = "data:text/html,<meta name=viewport content='width=device-width'><p>小个专</p>"


def test_desk_and_phone(page, phone_page):
    for one, width in ((page, 1440), (phone_page, 375)):
        one.goto(PAGE)
        assert one.evaluate("innerWidth") == width
        assert one.evaluate("navigator.language") == "zh-CN"
