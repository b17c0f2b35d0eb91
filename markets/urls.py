from django.urls import path

from markets import views

app_name = "markets"
urlpatterns = [
    path("", views.MarketList.as_view(), name="market_list"),
    path("<int:pk>/", views.MarketDetail.as_view(), name="market_detail"),
    path("businesses/", views.BusinessList.as_view(), name="business_list"),
    path("businesses/<int:pk>/", views.BusinessDetail.as_view(), name="business_detail"),
]
