"""What happens once at start: the flags are wired up and fewer listens to them."""

from django.apps import AppConfig


class Photos(AppConfig):
    """The site itself."""

    name = "photos"
    default = True

    def ready(self):
        import fewer

        from . import flags

        flags.start()
        fewer.waffle.install()
        fewer.django.comment_queries()
