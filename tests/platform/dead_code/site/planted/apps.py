"""What happens once at start: the features' flags are wired up."""

from django.apps import AppConfig


class Features(AppConfig):
    """The features."""

    name = "planted"
    default = True

    def ready(self):
        from . import flags

        flags.start()
