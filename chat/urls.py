"""Where the chat is: `api_urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from __future__ import annotations

from django.urls import path

from chat import attachmentviews, views
from chat.folderviews import FolderViewSet
from chat.viewsets import ConversationViewSet, FeedbackViewSet, NewestFirst
from wisqu.api.bodies import StrictJSONParser, ZipParser

_list = ConversationViewSet.as_view({"get": "list", "post": "create"})
_one = ConversationViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})
_messages = ConversationViewSet.as_view({"get": "messages"}, pagination_class=NewestFirst)
_throw_away = ConversationViewSet.as_view({"post": "throw_away"})
_restore = ConversationViewSet.as_view({"post": "restore"})
_share = ConversationViewSet.as_view({"post": "share", "delete": "unshare"})
_export = ConversationViewSet.as_view({"get": "export"})
_export_all = ConversationViewSet.as_view({"get": "export_all"})
_import = ConversationViewSet.as_view({"post": "bring_in"}, parser_classes=[StrictJSONParser, ZipParser])
_folders = FolderViewSet.as_view({"get": "list", "post": "create"})
_folder = FolderViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})
_feedback = FeedbackViewSet.as_view({"put": "give", "delete": "take_back"})

api_urlpatterns = [
    path("conversations/trash", _throw_away, name="trash"),
    path("conversations/restore", _restore, name="restore"),
    path("conversations/export", _export_all, name="export_all"),
    path("conversations/import", _import, name="import"),
    path("conversations", _list, name="conversations"),
    path("conversations/<uuid:pk>", _one, name="conversation"),
    path("conversations/<uuid:pk>/messages", _messages, name="messages"),
    path("conversations/<uuid:pk>/share", _share, name="share"),
    path("conversations/<uuid:pk>/export", _export, name="export"),
    path("folders", _folders, name="folders"),
    path("folders/<uuid:pk>", _folder, name="folder"),
    path("attachments", attachmentviews.collection, name="attachments"),
    path("attachments/<uuid:pk>", attachmentviews.one, name="attachment"),
    path("attachments/<uuid:pk>/file", attachmentviews.file, name="attachment_file"),
    path("messages/<uuid:pk>/feedback", _feedback, name="feedback"),
]
page_urlpatterns = [
    path("", views.new_chat, name="new_chat"),
    path("c/<uuid:conversation_id>", views.conversation, name="conversation_page"),
    path("m/<uuid:message_id>/checked", views.checked, name="checked"),
    path("corrections/<uuid:review_id>/seen", views.correction_seen, name="correction_seen"),
    path("s/<str:token>", views.shared, name="shared"),
]
