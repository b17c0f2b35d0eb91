from django.urls import path

from markets import told_views, views

app_name = "markets"
urlpatterns = [
    path("", views.MarketList.as_view(), name="market_list"),
    path("<int:pk>/", views.MarketDetail.as_view(), name="market_detail"),
    path("businesses/", views.BusinessList.as_view(), name="business_list"),
    path("businesses/<int:pk>/", views.BusinessDetail.as_view(), name="business_detail"),
    path("industry-areas/", views.IndustryAreaList.as_view(), name="industry_area_list"),
    path("platforms/", views.PlatformList.as_view(), name="platform_list"),
    path("delivery-sites/", views.DeliverySiteList.as_view(), name="delivery_site_list"),
    path("differences/", told_views.DifferenceList.as_view(), name="difference_list"),
    path("differences/<int:pk>/", told_views.DifferencePage.as_view(), name="difference"),
    path("differences/<int:pk>/adopt/", told_views.DifferenceAdopt.as_view(), name="difference_adopt"),
    path("differences/<int:pk>/keep/", told_views.DifferenceKeep.as_view(), name="difference_keep"),
    path("absences/", told_views.AbsenceList.as_view(), name="absence_list"),
    path("hand-overs/", told_views.HandOverList.as_view(), name="hand_over_list"),
    path("hand-overs/<int:pk>/accept/", told_views.HandOverAccept.as_view(), name="hand_over_accept"),
    path("hand-overs/<int:pk>/refuse/", told_views.HandOverRefuse.as_view(), name="hand_over_refuse"),
    path("hand-overs/<int:pk>/withdraw/", told_views.HandOverWithdraw.as_view(), name="hand_over_withdraw"),
    path("hand-overs/<int:pk>/ask-again/", told_views.HandOverAskAgain.as_view(), name="hand_over_ask_again"),
]
