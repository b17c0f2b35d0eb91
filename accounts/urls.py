from django.urls import path

from accounts.views import factors, measures, oidc, own, sessions, sign_in, tokens

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/passkey/", sign_in.PasskeySignIn.as_view(), name="passkey_sign_in"),
    path("sign-in/passkey/options/", sign_in.PasskeyOptions.as_view(), name="passkey_options"),
    path("sign-in/unified/", oidc.Leave.as_view(), name="oidc_leave"),
    path("sign-in/unified/back/", oidc.Back.as_view(), name="oidc_back"),
    path("factors/unified/", oidc.Bind.as_view(), name="oidc_bind"),
    path("sign-in/code/", sign_in.SecondFactor.as_view(), name="second_factor"),
    path("sign-in/password/", sign_in.FirstPassword.as_view(), name="first_password"),
    path("sign-in/next/", sign_in.NextStep.as_view(), name="next_step"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("factors/", factors.Factors.as_view(), name="factors"),
    path("factors/new/", factors.FactorSetUp.as_view(), name="factor_set_up"),
    path("factors/authenticator/", factors.AuthenticatorSetUp.as_view(), name="authenticator"),
    path("factors/passkey/", factors.PasskeySetUp.as_view(), name="passkey"),
    path("factors/passkey/options/", factors.PasskeySetUpOptions.as_view(), name="passkey_set_up_options"),
    path("factors/codes/", factors.RecoveryCodes.as_view(), name="recovery_codes"),
    path("factors/remove/", factors.FactorRemove.as_view(), name="factor_remove"),
    path("sessions/", sessions.Sessions.as_view(), name="sessions"),
    path("sessions/of/<int:pk>/", sessions.SessionsOf.as_view(), name="sessions_of"),
    path("sessions/state/", sessions.SessionState.as_view(), name="session_state"),
    path("sessions/unlock/", sessions.Unlock.as_view(), name="unlock"),
    path("locked/", measures.Locks.as_view(), name="locks"),
    path("idle/", measures.Idle.as_view(), name="idle"),
    path("of/<int:pk>/<slug:kind>/", measures.Measure.as_view(), name="measure"),
    path("password/", own.PasswordChange.as_view(), name="password_change"),
    path("tokens/", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/of/<int:pk>/", tokens.TokensOf.as_view(), name="tokens_of"),
]
