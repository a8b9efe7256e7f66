"""The site's endpoints with the features in them."""

import json

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST
from photos import views as site
from photos.models import Photo

from . import audit, badges, captions, exports, moderation, searching, stories, tasks

EXPORTED_PHOTOS = 50
DESCRIBE_EVERY = 3


@require_GET
def feed(request):
    """The site's feed with stories above it."""
    member_id = request.user.pk
    photos = moderation.visible(json.loads(site.feed(request).content)["photos"], member_id)
    audit.note_feed(member_id, photos)
    language = request.headers.get("Accept-Language", "en")
    lines = captions.localised(photos, language, member_id)
    return JsonResponse({"photos": photos, "captions": lines, "stories": stories.tray(member_id, photos)})


@require_GET
def profile(request, member_id):
    """A member's page; the app reads the badge from its headers."""
    page = site.profile(request, member_id)
    shown = {"badge": badges.badge(member_id, 1 + member_id % 9), "frame": badges.frame(member_id)}
    page.headers["X-Badge"] = json.dumps(shown)
    return page


@require_GET
def search(request):
    """The site's search, grouped."""
    query = request.GET.get("q", "")
    page = json.loads(site.search(request).content)
    words = query.split()
    if not words:
        page["hint"] = searching.hint()
    page["title"] = captions.shorten(query) if len(query) > captions.TITLE_LETTERS else query
    page["found"] = searching.grouped(page["found"], words, request.user.pk)
    return JsonResponse(page)


@require_POST
def upload(request):
    """The site's upload; some are described for the statistics."""
    response = site.upload(request)
    if response.status_code == 201:
        photo = Photo.objects.only("original").get(pk=json.loads(response.content)["photo"])
        if photo.pk % DESCRIBE_EVERY == 0:
            tasks.describe_upload.delay(photo.original)
    return response


@require_GET
def export(request, member_id):
    """What a member takes along."""
    photos = list(Photo.objects.filter(owner_id=member_id).values("pk", "caption", "likes")[:EXPORTED_PHOTOS])
    archive = exports.Archive()
    archive.add("likes", exports.likes(photos, member_id))
    return HttpResponse(json.dumps(archive.files), content_type="application/json")


@require_GET
def feed_v1(request):
    """The feed of the first app."""
    photos = json.loads(site.feed(request).content)["photos"]
    return HttpResponse("\n".join(f"{photo['pk']} {photo['caption']}" for photo in photos), content_type="text/plain")
