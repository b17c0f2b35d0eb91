from django.urls import path

from tables import approval_views, bulk_views, export_views, list_views

app_name = "lists"
urlpatterns = [
    path("exports/", export_views.ExportList.as_view(), name="exports"),
    path("exports/<int:pk>/", export_views.Download.as_view(), name="download"),
    path("approvals/", approval_views.ApprovalList.as_view(), name="approvals"),
    path("approvals/<int:pk>/", approval_views.Approval.as_view(), name="approval"),
    path("bulk/<int:pk>/", bulk_views.BulkResult.as_view(), name="bulk_result"),
    path("views/<int:pk>/", list_views.ChangeView.as_view(), name="view_change"),
    path("views/<int:pk>/delete/", list_views.DeleteView.as_view(), name="view_delete"),
    path("views/<int:pk>/unshare/", list_views.UnshareView.as_view(), name="view_unshare"),
    path("<slug:table>/export/", export_views.Take.as_view(), name="export"),
    path("<slug:table>/views/", list_views.SavedViews.as_view(), name="views"),
    path("<slug:table>/bulk/", bulk_views.BulkConfirm.as_view(), name="bulk"),
]
