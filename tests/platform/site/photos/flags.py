"""Feature flags. ``new_ranker`` is OpenFeature's and half of all members have it; ``webp_thumbs`` is waffle's.

Both are drawn at random (reason ``split``), so a difference in cost between their variants is an effect.
"""

import zlib

import waffle
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

import fewer

from . import worklog

NEW_RANKER = "new_ranker"
WEBP_THUMBS = "webp_thumbs"


def start():
    """Sets the provider and lets fewer see every evaluation."""
    ranker = InMemoryFlag("off", {"on": True, "off": False}, context_evaluator=_split)
    api.set_provider(InMemoryProvider({NEW_RANKER: ranker}))
    api.add_hooks([fewer.openfeature.Hook()])


def new_ranker(member_id):
    """Whether a member's feed is ranked in the new, dearer way."""
    context = EvaluationContext(targeting_key=str(member_id))
    active = api.get_client().get_boolean_value(NEW_RANKER, False, context)
    worklog.note_flag(NEW_RANKER, "on" if active else "off")
    return active


def webp_thumbs(request):
    """Whether this member's small images are WebP, which costs more CPU and fewer bytes than JPEG."""
    active = bool(waffle.flag_is_active(request, WEBP_THUMBS))
    worklog.note_flag(WEBP_THUMBS, "true" if active else "false")
    return active


def _split(flag, context):
    variant = "on" if zlib.crc32(f"{NEW_RANKER}:{context.targeting_key}".encode()) & 1 else "off"
    return FlagResolutionDetails(flag.variants[variant], variant=variant, reason=Reason.SPLIT)
