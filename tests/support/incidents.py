"""The incidents of comparable projects (C-01 to C-94), each with the tests that would have caught it.

`ELSEWHERE` has the rows of the attack tables that are tested outside of tests/security.
"""

HERE = "tests/security/"
STORES = HERE + "test_login_csrf.py::test_callback_of_the_attacker_is_rejected_with_every_store"
FRAMEWORKS = HERE + "test_login_csrf.py::test_callback_of_the_attacker_is_rejected_in_every_framework"
SETTINGS = HERE + "test_login_csrf.py::test_callback_of_the_attacker_is_rejected_with_any_settings"
STATE_ALONE = HERE + "test_login_csrf.py::test_n02_state_without_its_cookie_is_rejected"
NO_LINKING = HERE + "test_login_csrf.py::test_n21_login_started_by_another_site_links_no_accounts"
IDENTITY = HERE + "test_login_csrf.py::test_n20_users_are_identified_by_open_id_alone"
CALLBACK = HERE + "test_callback.py::test_invalid_callback_is_rejected_and_changes_nothing"
OUTCOMES = HERE + "test_callback_outcomes.py::"
COOKIE = HERE + "test_cookies.py::test_cookie_that_differs_from_a_genuine_one_is_rejected"
RECORD = HERE + "test_cookies.py::test_invalid_record_opens_no_session"
LOGIN_COOKIES = HERE + "test_login_cookies.py::"
SESSIONS = HERE + "test_sessions.py::"
PATHS = HERE + "test_paths.py::"
HOSTS = HERE + "test_hosts.py::"
LOGOUT = HERE + "test_logout.py::"
SOCKETS = HERE + "test_websocket.py::"
CACHES = HERE + "test_caching.py::"
NEXT = "tests/test_next_path.py::test_verdict_of_the_table"
CONTRACT = "tests/stores/test_contract.py::"

INCIDENTS: dict[str, tuple[str, ...]] = {
    "C-01": (STORES,),
    "C-02": (FRAMEWORKS,),
    "C-03": (STORES, "tests/test_login.py::test_cookies_have_the_strictest_attributes"),
    "C-04": (STATE_ALONE,),
    "C-05": (STORES,),
    "C-06": (STATE_ALONE,),
    "C-07": (f"{STORES}[memory-N-01 with a pending login]",),
    "C-08": (STORES, STATE_ALONE, HERE + "test_login_csrf.py::test_n03_every_login_has_its_own_state_and_verifier"),
    "C-09": (LOGIN_COOKIES + "test_k01_session_and_login_cookies_cannot_replace_each_other",),
    "C-10": (HERE + "test_login_csrf.py::test_login_of_one_app_is_rejected_by_another",),
    "C-11": (NO_LINKING,),
    "C-12": (f"{CALLBACK}[P-02 empty state]", f"{CALLBACK}[P-02 code alone]"),
    "C-13": (OUTCOMES + "test_error_parameters_are_neither_shown_nor_logged[spoof-P-13]",),
    "C-14": (f"{STORES}[memory-N-01 anonymous]",),
    "C-15": (HERE + "test_login_csrf.py::test_n01_link_to_the_attackers_login_at_tiktok_is_rejected",),
    "C-16": (
        STORES,
        NO_LINKING,
        "tests/test_upstream.py::test_user_info_of_another_user_signs_nobody_in",
        "tests/test_tokens.py::test_token_of_another_user_is_rejected",
    ),
    "C-17": (f"{SETTINGS}[N-01 anonymous-N-02 loosest]",),
    "C-18": (NO_LINKING,),
    "C-19": (
        CONTRACT + "test_keys_are_compared_byte_by_byte",
        CONTRACT + "test_owners_are_compared_byte_by_byte",
        "tests/stores/test_sqlalchemy.py::test_a_case_insensitive_database_keeps_users_apart",
    ),
    "C-20": (IDENTITY,),
    "C-21": (HERE + "test_incidents.py::test_no_code_handles_an_email_address",),
    "C-22": ("tests/test_client.py::test_invalid_token_response_is_rejected",),
    "C-23": (f"{RECORD}[K-02 newest format]", "tests/test_keys.py::test_garbage_does_not_open"),
    "C-24": (OUTCOMES + "test_other_query_parameters_do_not_change_the_target[P-14 next]",),
    "C-30": (f"{NEXT}[backslash as second slash (oauth2-proxy GHSA-qqxw-m5fj-f7gv)]",),
    "C-31": (NEXT,),
    "C-32": (NEXT,),
    "C-33": (NEXT,),
    "C-34": (NEXT, LOGOUT + "test_sign_out_redirects_to_this_site_only"),
    "C-35": ("tests/test_next_path.py::test_path_without_the_mount_must_be_safe_too",),
    "C-36": (LOGOUT + "test_sign_out_redirects_to_this_site_only[G-06 two slashes]",),
    "C-37": (NEXT, "tests/test_next_path.py::test_accepted_path_never_leaves_the_site"),
    "C-38": ("tests/test_next_path.py::test_rejected_next_becomes_default_next",),
    "C-39": (PATHS + "test_path_that_differs_from_our_route_reaches_the_app[H-01 two slashes]",),
    "C-40": (OUTCOMES + "test_other_query_parameters_do_not_change_the_target",),
    "C-50": (
        SESSIONS + "test_k10_session_id_set_before_the_login_is_not_adopted",
        SESSIONS + "test_k10_attackers_session_set_before_the_login_is_ended",
    ),
    "C-51": (SESSIONS + "test_cookie_of_an_ended_session_is_rejected",),
    "C-52": (
        SESSIONS + "test_k11_session_that_ends_while_it_is_touched_stays_ended",
        CONTRACT + "test_replace_does_not_restore_a_deleted_record",
    ),
    "C-53": (
        f"{COOKIE}[K-05 no-break space]",
        f"{COOKIE}[K-06 nameless]",
        HERE + "test_cookies.py::test_k07_sibling_host_cannot_set_our_session_cookie",
    ),
    "C-54": (f"{COOKIE}[K-13 very many chunks]", f"{COOKIE}[K-01 empty]", f"{COOKIE}[K-08 separators]"),
    "C-55": (HERE + "test_cookies.py::test_k08_huge_cookie_header_is_parsed_in_linear_time",),
    "C-56": (
        CACHES + "test_shared_cache_never_serves_the_page_of_another_user",
        CACHES + "test_l01_response_that_sets_our_cookie_is_private",
    ),
    "C-57": (
        HERE + "test_browsers.py::test_host_cookie_is_deleted_only_with_its_required_attributes",
        LOGOUT + "test_g08_sign_out_deletes_only_our_session_cookie",
    ),
    "C-58": (
        HERE + "test_cookies.py::test_signature_by_another_key_or_for_another_purpose_is_rejected",
        SESSIONS + "test_k12_cookies_contain_nothing_about_the_user",
        "tests/test_keys.py::test_sealed_value_opens_only_with_the_same_purpose_context_and_key",
    ),
    "C-59": ("tests/test_keys.py::test_secret_key_that_can_be_guessed_is_refused",),
    "C-60": ("tests/test_keys.py::test_newest_key_seals_and_all_keys_open",),
    "C-61": (CACHES + "test_our_cookie_is_added_to_every_kind_of_response",),
    "C-70": (
        HOSTS + "test_responses_do_not_depend_on_host_or_forwarded_headers[H-20 path]",
        HERE + "test_incidents.py::test_no_code_reads_an_address_made_from_the_host_header",
    ),
    "C-71": (PATHS + "test_path_that_differs_from_our_route_reaches_the_app[H-04 port]",),
    "C-72": (PATHS + "test_headers_that_name_another_path_are_ignored[H-04 X-Forwarded-Uri]",),
    "C-73": (
        PATHS + "test_only_the_exact_public_path_is_public[H-07 question mark]",
        PATHS + "test_only_the_exact_public_path_is_public[H-07 hash]",
    ),
    "C-74": (PATHS + "test_headers_that_name_another_path_are_ignored",),
    "C-75": (HOSTS + "test_identity_headers_are_ignored",),
    "C-76": (HOSTS + "test_responses_do_not_depend_on_host_or_forwarded_headers[H-20 absent]",),
    "C-77": (HOSTS + "test_h24_responses_do_not_depend_on_the_client_address",),
    "C-78": (PATHS + "test_headers_that_name_another_path_are_ignored[H-04 X-Middleware-Subrequest]",),
    "C-79": (HOSTS + "test_h20_concurrent_requests_do_not_mix_their_hosts",),
    "C-80": (
        "tests/stores/test_redis.py::test_a_cancelled_read_does_not_disturb_other_reads",
        "tests/stores/test_sqlalchemy.py::test_the_result_of_a_cancelled_read_is_not_returned_to_the_next",
        HERE + "test_cookies.py::test_k02_exchanged_records_open_no_session",
    ),
    "C-81": (
        SESSIONS + "test_k10_five_hundred_concurrent_users_are_never_mixed",
        "tests/test_api.py::test_500_users_at_once_are_never_mixed_up",
    ),
    "C-82": ("tests/soak/test_abandoned_logins.py::test_unfinished_logins_leave_no_rows_and_no_memory",),
    "C-83": (
        LOGIN_COOKIES + "test_k21_sixth_pending_login_evicts_the_oldest",
        LOGIN_COOKIES + "test_k23_stale_login_cookies_are_deleted_first",
        LOGIN_COOKIES + "test_pending_logins_fit_into_a_cookie_header",
        HERE + "test_cookies.py::test_two_genuine_cookies_are_both_rejected",
    ),
    "C-84": (
        LOGOUT + "test_form_without_a_valid_csrf_token_is_rejected[G-03 right token after a semicolon]",
        PATHS + "test_h09_logout_stops_reading_an_endless_body",
    ),
    "C-85": ("tests/test_upstream.py::test_error_of_tiktok_shows_a_page_with_a_link_to_start_again",),
    "C-86": (
        f"{CALLBACK}[P-01 separators]",
        f"{CALLBACK}[P-14 an empty issuer]",
        f"{RECORD}[K-02 created at infinity]",
        "tests/test_client.py::test_invalid_numbers_are_rejected",
        "tests/test_client.py::test_malformed_response_is_rejected[compressed]",
    ),
    "C-87": (
        f"{CALLBACK}[P-10 a megabyte of state]",
        "tests/test_log_limiter.py::test_many_bad_callbacks_write_few_log_lines",
    ),
    "C-88": (CACHES + "test_l04_query_of_the_callback_is_never_logged",),
    "C-89": (
        CACHES + "test_l04_what_the_app_can_print_contains_no_secret",
        "tests/test_models.py::test_token_repr_hides_its_secrets",
        "tests/test_tiktok.py::test_no_repr_contains_a_secret",
    ),
    "C-90": (
        OUTCOMES + "test_error_parameters_are_neither_shown_nor_logged[terminal-P-12]",
        OUTCOMES + "test_error_parameters_are_neither_shown_nor_logged[line-P-12]",
    ),
    "C-91": (
        SOCKETS + "test_websocket_from_another_origin_is_refused",
        SOCKETS + "test_anonymous_websocket_on_a_protected_path_is_refused",
    ),
    "C-92": (LOGOUT + "test_request_without_proof_of_its_origin_is_rejected[G-03 cross-site and no-cors]",),
    "C-93": (
        HOSTS + "test_login_does_not_depend_on_host_or_forwarded_headers",
        "tests/test_client.py::test_refused_revocation_is_an_error",
        "tests/test_api.py::TestDisconnect::test_disconnect_can_be_repeated_if_tiktok_was_unreachable",
    ),
    "C-94": (
        CONTRACT + "test_keys_are_compared_byte_by_byte",
        "tests/test_tiktok.py::TestSessions::test_leave_no_usable_cookie_in_the_store",
    ),
}

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "G-05": (
        "tests/test_upstream.py::TestStoreFailure::test_sign_out_takes_effect_even_if_the_store_fails_at_first",
    ),
    "H-05": ("tests/frameworks/test_behaviour.py::test_links_keep_the_prefix_that_a_proxy_removes",),
    "L-04": ("tests/test_login.py::test_callback_query_stays_out_of_the_access_log",),
    "L-05": ("tests/test_client.py::test_errors_contain_no_secret",),
    "V-08": ("tests/test_webhooks.py::test_event_is_processed_again_after_a_hook_has_failed",),
    "W-04": ("tests/test_websocket.py::test_sign_out_closes_a_websocket_that_waits",),
}
