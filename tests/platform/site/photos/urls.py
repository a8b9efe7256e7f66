"""The endpoints."""

from django.urls import path

from . import views

urlpatterns = [
    path("feed", views.feed, name="feed"),
    path("members/<int:member_id>", views.profile, name="profile"),
    path("photos", views.upload, name="upload"),
    path("photos/<int:photo_id>/like", views.like, name="like"),
    path("photos/<int:photo_id>/<int:width>", views.image, name="image"),
    path("search", views.search, name="search"),
    path("health", views.health, name="health"),
]
