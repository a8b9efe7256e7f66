"""The endpoints: feed, profile, like, upload, search, and images, which are converted when they are read."""

import json

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Sum
from django.http import Http404, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from . import flags, images, ranking, tasks
from .leases import Leases
from .models import Like, Member, Photo

CANDIDATES = 60
FEED_PHOTOS = 20
PROFILE_PHOTOS = 24
FOUND_PHOTOS = 20
WORDS_AT_MOST = 4
UPLOAD_BYTES_AT_MOST = 2_000_000

leases = Leases(settings.MEMCACHED)


@require_GET
def feed(request):
    """The photos of those whom the member follows, best first."""
    member_id = request.user.pk
    candidates = json.loads(leases.fetch(f"feed:{member_id}", 10, lambda: _candidates(member_id)))
    rank = ranking.by_interest if flags.new_ranker(member_id) else ranking.by_likes
    return JsonResponse({"photos": rank(member_id, candidates)[:FEED_PHOTOS]})


@require_GET
def profile(request, member_id):
    """A member's page."""
    member = get_object_or_404(Member, pk=member_id)
    counts = json.loads(leases.fetch(f"counts:{member_id}", 20, lambda: _counts(member)))
    photos = member.photos.order_by("-created")[:PROFILE_PHOTOS]
    return render(request, "photos/profile.html", {"member": member, "counts": counts, "photos": photos})


@require_POST
def like(request, photo_id):
    """Likes a photo; liking it again changes nothing."""
    photo = get_object_or_404(Photo, pk=photo_id)
    with transaction.atomic():
        _, is_new = Like.objects.get_or_create(member_id=request.user.pk, photo=photo)
        if is_new:
            Photo.objects.filter(pk=photo_id).update(likes=F("likes") + 1)
    leases.invalidate(f"counts:{photo.owner_id}")
    return JsonResponse({"liked": True, "new": is_new})


@require_POST
def upload(request):
    """Keeps a photo and queues its thumbnails."""
    if len(request.body) > UPLOAD_BYTES_AT_MOST:
        return HttpResponseBadRequest(f"a photo has at most {UPLOAD_BYTES_AT_MOST} bytes")
    try:
        original = images.keep(request.body)
    except images.NotAnImage as error:
        return HttpResponseBadRequest(str(error))
    is_webp = flags.webp_thumbs(request)
    caption = request.headers.get("X-Caption", "")[:200]
    photo = Photo.objects.create(owner_id=request.user.pk, caption=caption, original=original)
    for width in images.WIDTHS:
        tasks.make_thumbnail.delay(original, width, is_webp, tasks.noted_flags())
    leases.invalidate(f"feed:{request.user.pk}")
    return JsonResponse({"photo": photo.pk}, status=201)


@require_GET
def image(request, photo_id, width):
    """A photo in one of its widths."""
    if width not in images.WIDTHS:
        raise Http404(f"widths are {images.WIDTHS}")
    kind = images.WEBP if flags.webp_thumbs(request) else images.JPEG
    photo = get_object_or_404(Photo.objects.only("original"), pk=photo_id)
    data = leases.fetch(f"image:{photo_id}:{width}:{kind}", 30, lambda: images.convert(photo.original, width, kind))
    return HttpResponse(data, content_type=f"image/{kind.lower()}")


@require_GET
def search(request):
    """Photos whose captions hold all the words. There is no index for it, so PostgreSQL reads every row."""
    words = request.GET.get("q", "").split()[:WORDS_AT_MOST]
    photos = Photo.objects.order_by("-likes", "pk")
    for word in words:
        photos = photos.filter(caption__icontains=word)
    found = [_marked(photo, words) for photo in photos[:FOUND_PHOTOS]]
    return JsonResponse({"found": found})


@require_GET
def health(request):
    """Whether this worker can answer at all."""
    return HttpResponse(str(Member.objects.count()))


def _candidates(member_id):
    photos = Photo.objects.filter(owner__followers=member_id).order_by("-created")[:CANDIDATES]
    return json.dumps(list(photos.values("pk", "caption", "likes", by=F("owner__name")))).encode()


def _counts(member):
    likes = member.photos.aggregate(likes=Sum("likes"), photos=Count("pk"))
    return json.dumps({**likes, "followers": member.followers.count()}).encode()


def _marked(photo, words):
    caption = " ".join(f"<b>{word}</b>" if word in words else word for word in photo.caption.split())
    return {"photo": photo.pk, "caption": caption, "likes": photo.likes}
