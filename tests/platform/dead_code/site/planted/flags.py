"""The features' flags. What is rolled out is off for everybody until somebody turns it on."""

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

DOMAIN = "features"
NAMES = (
    "animated_badges", "caption_translation", "export_jsonl", "hide_reported", "semantic_search", "spelling", "story_tray",
)


def start():
    """Sets the provider."""
    api.set_provider(InMemoryProvider({name: InMemoryFlag("off", {"on": True, "off": False}) for name in NAMES}), DOMAIN)


def member(member_id):
    """Whom a flag is asked for."""
    return EvaluationContext(targeting_key=str(member_id))


def semantic_search(member_id):
    """Whether a member searches by meaning."""
    return api.get_client(DOMAIN).get_boolean_value("semantic_search", False, member(member_id))
