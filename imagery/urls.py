"""Where images are: `urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from __future__ import annotations

from django.urls import path

from imagery import views
from imagery.viewsets import History, ImageFile, OneImage, Restored

urlpatterns = [
    path("images/history", History.as_view(), name="image_history"),
    path("images/<uuid:pk>", OneImage.as_view(), name="image"),
    path("images/<uuid:pk>/file", ImageFile.as_view(), name="image_file"),
    path("images/<uuid:pk>/restore", Restored.as_view(), name="image_restore"),
]
page_urlpatterns = [
    path("images", views.gallery, name="images_page"),
]
