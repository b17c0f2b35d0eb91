from django.urls import path

from members import public_urls
from members.views import acts, counter, feedback, ferry, member_acts, people, pledges, posters, queue, rights

app_name = "members"
urlpatterns = [
    *public_urls.urlpatterns,
    # registrations/
    path("registrations/", queue.Queue.as_view(), name="queue"),
    path("registrations/new/", counter.CounterNew.as_view(), name="counter"),
    path("registrations/new/<uuid:form_token>/", counter.CounterConfirm.as_view(), name="counter_confirm"),
    path("registrations/<int:pk>/", queue.RegistrationDetail.as_view(), name="registration"),
    path("registrations/<int:pk>/take/", acts.Take.as_view(), name="registration_take"),
    path("registrations/<int:pk>/contact/", acts.Contact.as_view(), name="registration_contact"),
    path("registrations/<int:pk>/verify/", acts.Verify.as_view(), name="registration_verify"),
    path("registrations/<int:pk>/refuse/", acts.Refuse.as_view(), name="registration_refuse"),
    path("registrations/<int:pk>/duplicate/", acts.Duplicate.as_view(), name="registration_duplicate"),
    path("registrations/<int:pk>/unreachable/", acts.Unreachable.as_view(), name="registration_unreachable"),
    path("registrations/<int:pk>/reveal/", acts.Reveal.as_view(), name="registration_reveal"),
    path("registrations/<int:pk>/anew/", counter.CounterAnew.as_view(), name="registration_anew"),
    path("registrations/<int:pk>/rights/", rights.OfRegistration.as_view(), name="registration_rights"),
    # members/
    path("members/", people.MemberList.as_view(), name="list"),
    path("members/<int:pk>/", people.MemberDetail.as_view(), name="detail"),
    path("members/<int:pk>/reveal/", member_acts.Reveal.as_view(), name="member_reveal"),
    path("members/<int:pk>/accept/", member_acts.Accept.as_view(), name="member_accept"),
    path("members/<int:pk>/edit/", member_acts.Edit.as_view(), name="member_edit"),
    path("members/<int:pk>/end/", member_acts.End.as_view(), name="member_end"),
    path("members/<int:pk>/rights/", rights.OfMember.as_view(), name="member_rights"),
    path("members/<int:pk>/pledge/", pledges.PledgeNew.as_view(), name="pledge_new"),
    path("affiliations/<int:pk>/end/", member_acts.EndAffiliation.as_view(), name="affiliation_end"),
    path("roll/", people.Roll.as_view(), name="roll"),
    # pledges/
    path("pledges/", pledges.PledgeList.as_view(), name="pledges"),
    path("pledges/<int:pk>/print/", pledges.PledgePrint.as_view(), name="pledge_print"),
    path("pledges/<int:pk>/withdraw/", pledges.PledgeWithdraw.as_view(), name="pledge_withdraw"),
    path("pledges/<int:pk>/taken-off/", pledges.PledgeTakenOff.as_view(), name="pledge_taken_off"),
    # posters/
    path("posters/", posters.PosterList.as_view(), name="posters"),
    path("posters/new/", posters.PosterNew.as_view(), name="poster_new"),
    path("posters/<slug:code>/print/", posters.PosterPrint.as_view(), name="poster_print"),
    path("posters/<slug:code>/poster.pdf", posters.PosterPdf.as_view(), name="poster_pdf"),
    path("posters/<slug:code>/invite/", posters.PosterInvite.as_view(), name="poster_invite"),
    path("posters/<slug:code>/withdraw/", posters.PosterWithdraw.as_view(), name="poster_withdraw"),
    # feedback/
    path("feedback/", feedback.FeedbackCounts.as_view(), name="feedback"),
    path("feedback/<int:pk>/", feedback.FeedbackFile.as_view(), name="feedback_file"),
    # ferry/
    path("ferry/", ferry.FerryList.as_view(), name="ferry"),
    # rights/
    path("rights/", rights.RightsList.as_view(), name="rights"),
    path("rights/<int:pk>/", rights.RightsAnswer.as_view(), name="rights_answer"),
    path("rights/<int:pk>/copy/", rights.MakeCopy.as_view(), name="rights_copy"),
]
