"""What people without an account open: the whole of this room that the public face has."""

from django.urls import path

from members.views import receipt, report

app_name = "members"
urlpatterns = [
    path("q/<slug:code>/", report.poster, name="poster"),
    path("notice/", receipt.notice, name="notice"),
    path("notice/<str:version>/", receipt.notice, name="notice_version"),
    path("r/<str:code>/", receipt.receipt, name="receipt"),
    path("r/<str:code>/withdraw/", receipt.withdraw, name="receipt_withdraw"),
    path("r/<str:code>/anew/", receipt.anew, name="receipt_anew"),
    path("r/<str:code>/rights/", receipt.rights, name="receipt_rights"),
    path("r/<str:code>/copy/", receipt.copy, name="receipt_copy"),
    path("r/<str:code>/copy/<int:pk>/", receipt.whole_copy, name="receipt_whole_copy"),
    path("r/<str:code>/do/<slug:name>/", receipt.act, name="receipt_act"),
]
