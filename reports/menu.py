"""The left menu of the staff pages."""


def menu(request) -> dict:
    return {"menu": []}
