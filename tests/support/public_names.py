"""The public names of the public classes. A change here is a change of the public interface."""

PUBLIC_NAMES = {
    "APIError": "code description hint log_id retryable stage status_code",
    "AccessDenied": "code description hint log_id retryable stage status_code",
    "AlreadyConnected": "challenge code description detail headers hint log_id retryable scopes stage status_code",
    "AnonymousUser": "display_name identity is_authenticated open_id provider",
    "Callback": "code error issuer scopes state",
    "Cause": "ALREADY_USED EXPIRED KEY_GONE NEVER_BEGUN NO_COOKIE OTHER_ADDRESS OTHER_BROWSER TOO_MANY",
    "Channel": "aclose",
    "ClientToken": "access_token expires_at",
    "ConfigurationError": "code description hint log_id retryable stage status_code",
    "ConnectRefused": "challenge code description detail headers hint log_id retryable scopes stage status_code",
    "ConnectedAccount": "open_id profile scopes token",
    "Grant": "api missing_scopes next params requested_scopes scopes token",
    "HookFailed": "code description hint log_id retryable stage status_code",
    "InvalidCallback": "code description hint log_id retryable stage status_code",
    "InvalidResponse": "cause code description hint log_id retryable stage status_code",
    "Listener": "needs_proof notice prove reset",
    "LoginDenied": "code description hint log_id retryable stage status_code",
    "LoginError": "code description hint log_id retryable stage status_code",
    "LoginLost": "cause code description hint log_id retryable stage status_code",
    "LoginRefused": "code description hint log_id retryable stage status_code",
    "LoginRequired": "challenge code description detail headers hint log_id retryable scopes stage status_code",
    "MemoryStore": "aclose add delete delete_owned get notice_bound open_channel owned replace set touch",
    "NotifyingStore": "aclose add delete delete_owned get notice_bound open_channel owned replace set touch",
    "PeekingStore": "aclose add delete delete_owned get owned peek replace set",
    "RateLimited": "cause code description hint log_id retry_after retryable stage status_code",
    "RequestRefused": "code description hint log_id retryable stage status_code",
    "SQLiteStore": "aclose add delete delete_owned get owned peek replace set",
    "ScopeRequired": "challenge code description detail headers hint log_id retryable scopes stage status_code",
    "SignedInBrowser": "browser created_at id seen_at",
    "Store": "aclose add delete delete_owned get owned replace set",
    "StoreError": "code description hint log_id retryable stage status_code",
    "TikTok": (
        "aclose api disconnect end_session end_sessions from_env on_deauthorized on_event on_failed_login "
        "on_login on_logout on_refresh_failed refresh_user sessions_of stored_tokens token"
    ),
    "TikTokAuthMiddleware": "app tiktok",
    "TikTokClient": (
        "aclose authorization_url client_key client_token fetch_token fetch_user parse_callback redirect_uri "
        "refresh_token revoke_token scopes"
    ),
    "TikTokError": "code description hint log_id retryable stage status_code",
    "TikTokSession": (
        "api connect_url connected created_at data is_live login_url logout_url require scopes token user"
    ),
    "TikTokUser": (
        "avatar_large_url avatar_url avatar_url_100 bio_description display_name follower_count "
        "following_count identity is_authenticated is_verified likes_count open_id profile_deep_link "
        "profile_web_link provider to_dict union_id username video_count"
    ),
    "Token": "access_token expires_at open_id refresh_expires_at refresh_token scopes",
    "TokenError": "code description hint log_id retryable stage status_code",
    "Unavailable": "cause code description hint log_id retryable stage status_code",
    "UpstreamTimeout": "cause code description hint log_id retryable stage status_code",
    "WebhookEvent": "consented_again consented_at content create_time event open_id",
    "WebhookRefused": "code description hint log_id retryable stage status_code",
    "TikTokAuth": "init_app",
    "TikTokPlugin": "on_app_init receive_route tiktok",
    "TikTokMiddleware": "async_capable process_exception sync_capable",
    "TikTokRequest": "tiktok",
    "RedisStore": "aclose add delete delete_owned get notice_bound open_channel owned replace set touch",
    "SQLAlchemyStore": (
        "aclose add delete delete_owned get metadata notice_bound open_channel owned replace set table touch"
    ),
    "EmulatedTikTok": "attach consent detach emulator environ requests served_at settings transport url",
    "App": (
        "client_key client_secret name native_redirect_uris owns redirect_for redirect_uris sandbox scopes "
        "url_properties webhook_url"
    ),
    "ConsentRefused": "fix err_code error error_type log_id parameters",
    "Delivery": "app attempts body created delivered event next_at",
    "Emulator": "apps clock consent exchanges faults from_config grants knobs people posts public_url reset webhooks",
    "Exchange": "answer at authorization fix description endpoint error fault log_id method path request status",
    "Fault": "endpoint kind left retry_after seconds size status times",
    "Knobs": (
        "audited auto_auth callback_error charset_suffix code_ttl deny_errcode desktop_pkce_encoding "
        "id_suffix lifetimes min_verifier oauth_error_status older_tokens partial_grant processing_seconds "
        "qr_confirmed qr_ttl require_challenge_method revoke_unknown rotate sandbox_error scope_error "
        "sign_retries slashless state_on_error unaudited_accounts web_pkce"
    ),
    "Person": (
        "avatar_large_url avatar_url avatar_url_100 banned bio_description disconnects display_name "
        "follower_count following_count is_verified likes_count note open_id post_error private_account "
        "profile_deep_link profile_web_link sandbox_target union_id username video_count"
    ),
    "Reason": "ACCOUNT_DELETED AGE_CHANGED BANNED DISCONNECTED REVOKED_BY_APP UNKNOWN",
    "RunningEmulator": "emulator port url",
    "WebhookSender": "deliver deliveries run send transport",
}
"""Separated by spaces. Classes without public names are missing."""
