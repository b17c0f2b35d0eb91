from django.urls import path

from jobs import views

app_name = "jobs"
urlpatterns = [
    path("", views.JobList.as_view(), name="list"),
    path("<int:pk>/", views.JobDetail.as_view(), name="detail"),
    path("<int:pk>/progress/", views.JobProgress.as_view(), name="progress"),
    path("<int:pk>/cancel/", views.JobCancel.as_view(), name="cancel"),
]
