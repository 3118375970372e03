"""x"""


def routes():
    return []
