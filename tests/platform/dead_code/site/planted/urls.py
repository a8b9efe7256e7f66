"""The endpoints: the site's, some of them with features."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("feed", views.feed, name="feed"),
    path("members/<int:member_id>", views.profile, name="profile"),
    path("members/<int:member_id>/export", views.export, name="export"),
    path("photos", views.upload, name="upload"),
    path("search", views.search, name="search"),
    path("", include("photos.urls")),
]
