from django.urls import path

from tables import views

app_name = "tables"
urlpatterns = [
    path("", views.BatchList.as_view(), name="list"),
    path("upload/", views.Upload.as_view(), name="upload"),
    path("template/<slug:target>/", views.Template.as_view(), name="template"),
    path("<int:pk>/", views.BatchDetail.as_view(), name="batch"),
    path("<int:pk>/fix/", views.Fix.as_view(), name="fix"),
    path("<int:pk>/fix-group/", views.FixGroup.as_view(), name="fix_group"),
    path("<int:pk>/unfix/", views.Unfix.as_view(), name="unfix"),
    path("<int:pk>/columns/", views.Columns.as_view(), name="columns"),
    path("<int:pk>/recheck/", views.Recheck.as_view(), name="recheck"),
    path("<int:pk>/confirm/", views.Confirm.as_view(), name="confirm"),
    path("<int:pk>/cancel/", views.Cancel.as_view(), name="cancel"),
    path("<int:pk>/undo/", views.Undo.as_view(), name="undo"),
    path("<int:pk>/conflicts/", views.Conflicts.as_view(), name="conflicts"),
    path("<int:pk>/errors/", views.ErrorsFile.as_view(), name="errors_file"),
]
