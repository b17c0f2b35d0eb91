from django.urls import path

from members.views import receipt, report

app_name = "members"
urlpatterns = [
    # public: no account
    path("q/<str:code>/", report.poster, name="poster"),
    path("r/<str:code>/", receipt.receipt, name="receipt"),
    path("r/<str:code>/withdraw/", receipt.withdraw, name="receipt_withdraw"),
    path("r/<str:code>/rights/", receipt.rights, name="receipt_rights"),
    path("r/<str:code>/copy/", receipt.copy, name="receipt_copy"),
    path("r/<str:code>/do/<slug:name>/", receipt.act, name="receipt_act"),
]
