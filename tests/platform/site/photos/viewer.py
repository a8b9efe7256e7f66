"""Who is looking. A front door would have checked a session and passed the member on in this header."""


class Viewer:
    """A member as waffle wants to know one."""

    is_authenticated = True

    def __init__(self, member_id):
        self.pk = member_id


class Middleware:
    """Sets ``request.user``."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        header = request.headers.get("X-Member", "1")
        request.user = Viewer(int(header) if header.isdigit() else 1)
        return self.get_response(request)
