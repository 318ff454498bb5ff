"""The incidents of comparable projects (C-01 to C-94), each with the tests that would have caught it.

`ELSEWHERE` has the rows of the attack tables that are tested outside of tests/security.
"""

HERE = "tests/security/"
STORES = HERE + "test_login_csrf.py::test_over_every_store"
FRAMEWORKS = HERE + "test_login_csrf.py::test_in_every_framework"
STATE_ALONE = HERE + "test_login_csrf.py::test_n02_a_state_is_worth_nothing_without_its_cookie"
NO_LINKING = HERE + "test_login_csrf.py::test_n21_a_login_that_another_site_begins_links_no_accounts"
IDENTITY = HERE + "test_login_csrf.py::test_n20_people_are_told_apart_by_open_id_and_by_nothing_else"
CALLBACK = HERE + "test_callback.py::test_a_callback_that_tiktok_never_sends_changes_nothing"
OUTCOMES = HERE + "test_callback_outcomes.py::"
COOKIE = HERE + "test_cookies.py::test_a_cookie_that_is_not_to_the_letter_is_nobody"
RECORD = HERE + "test_cookies.py::test_a_record_that_no_version_of_ours_wrote_is_nobody"
LOGIN_COOKIES = HERE + "test_login_cookies.py::"
SESSIONS = HERE + "test_sessions.py::"
PATHS = HERE + "test_paths.py::"
HOSTS = HERE + "test_hosts.py::"
LOGOUT = HERE + "test_logout.py::"
SOCKETS = HERE + "test_websocket.py::"
CACHES = HERE + "test_caching.py::"
NEXT = "tests/test_next_path.py::test_the_table"
CONTRACT = "tests/stores/test_contract.py::"

INCIDENTS: dict[str, tuple[str, ...]] = {
    "C-01": (STORES,),
    "C-02": (FRAMEWORKS,),
    "C-03": (STORES, "tests/test_login.py::test_the_cookies_are_as_safe_as_cookies_get"),
    "C-04": (STATE_ALONE,),
    "C-05": (STORES,),
    "C-06": (STATE_ALONE,),
    "C-07": (f"{STORES}[memory-N-01 on the way to TikTok]",),
    "C-08": (STORES, STATE_ALONE, HERE + "test_login_csrf.py::test_n03_no_two_logins_share_anything"),
    "C-09": (LOGIN_COOKIES + "test_k01_cookies_are_never_taken_for_one_another",),
    "C-10": (HERE + "test_login_csrf.py::test_a_login_at_one_app_does_not_end_at_another",),
    "C-11": (NO_LINKING,),
    "C-12": (f"{CALLBACK}[P-02 empty state]", f"{CALLBACK}[P-02 code alone]"),
    "C-13": (OUTCOMES + "test_nothing_that_came_back_is_ever_shown_or_logged[spoof-P-13]",),
    "C-14": (f"{STORES}[memory-N-01 nobody]",),
    "C-15": (HERE + "test_login_csrf.py::test_n01_a_victim_whom_tiktok_lets_through_unasked",),
    "C-16": (
        STORES,
        NO_LINKING,
        "tests/test_upstream.py::test_somebody_elses_user_info_is_no_login",
        "tests/test_tokens.py::test_somebody_elses_token_is_never_taken",
    ),
    "C-17": (HERE + "test_login_csrf.py::test_whatever_is_set[N-01 nobody-N-02 loosest]",),
    "C-18": (NO_LINKING,),
    "C-19": (
        CONTRACT + "test_keys_are_compared_to_the_letter",
        CONTRACT + "test_owners_are_compared_to_the_letter",
        "tests/stores/test_sqlalchemy.py::test_a_case_insensitive_database_mixes_no_users",
    ),
    "C-20": (IDENTITY,),
    "C-21": (HERE + "test_incidents.py::test_no_part_of_us_knows_an_e_mail_address",),
    "C-22": ("tests/test_client.py::test_half_a_token_is_no_token",),
    "C-23": (f"{RECORD}[K-02 newest]", "tests/test_keys.py::test_garbage_does_not_open"),
    "C-24": (OUTCOMES + "test_nothing_else_in_the_query_leads_elsewhere[P-14 next]",),
    "C-30": (f"{NEXT}[backslash as second slash (oauth2-proxy GHSA-qqxw-m5fj-f7gv)]",),
    "C-31": (NEXT,),
    "C-32": (NEXT,),
    "C-33": (NEXT,),
    "C-34": (NEXT, LOGOUT + "test_signing_out_leads_to_this_site_only"),
    "C-35": ("tests/test_next_path.py::test_what_remains_below_the_mount_must_be_safe_too",),
    "C-36": (LOGOUT + "test_signing_out_leads_to_this_site_only[G-06 two slashes]",),
    "C-37": (NEXT, "tests/test_next_path.py::test_nothing_accepted_leaves_the_site"),
    "C-38": ("tests/test_next_path.py::test_what_is_not_accepted_leads_home",),
    "C-39": (PATHS + "test_what_is_not_our_route_to_the_letter_is_the_apps[H-01 two slashes]",),
    "C-40": (OUTCOMES + "test_nothing_else_in_the_query_leads_elsewhere",),
    "C-50": (
        SESSIONS + "test_k10_an_id_planted_before_the_login_is_not_adopted",
        SESSIONS + "test_k10_a_session_of_the_attacker_planted_before_the_login_is_ended",
    ),
    "C-51": (SESSIONS + "test_a_stolen_cookie_is_dead_when_its_session_has_ended",),
    "C-52": (
        SESSIONS + "test_k11_a_session_that_ends_while_it_is_touched_stays_ended",
        CONTRACT + "test_what_was_deleted_does_not_come_back_by_replacing",
    ),
    "C-53": (
        f"{COOKIE}[K-05 no-break space]",
        f"{COOKIE}[K-06 nameless]",
        HERE + "test_cookies.py::test_k07_a_sibling_site_cannot_plant_a_session",
    ),
    "C-54": (f"{COOKIE}[K-13 very many chunks]", f"{COOKIE}[K-01 empty]", f"{COOKIE}[K-08 separators]"),
    "C-55": (HERE + "test_cookies.py::test_k08_a_hostile_header_is_read_in_no_time",),
    "C-56": (
        CACHES + "test_a_shared_cache_shows_nobody_somebody_elses_page",
        CACHES + "test_l01_an_answer_with_a_cookie_of_ours_is_private",
    ),
    "C-57": (
        HERE + "test_browsers.py::test_a_deletion_counts_only_if_it_keeps_the_promise_too",
        LOGOUT + "test_g08_a_sign_out_clears_our_cookie_and_nothing_else",
    ),
    "C-58": (
        HERE + "test_cookies.py::test_a_signature_of_something_else_is_nobodys",
        SESSIONS + "test_k12_cookies_tell_nothing_about_the_person",
        "tests/test_keys.py::test_a_seal_holds_for_one_purpose_place_and_key",
    ),
    "C-59": ("tests/test_keys.py::test_a_secret_that_can_be_guessed_is_refused",),
    "C-60": ("tests/test_keys.py::test_the_newest_key_seals_and_all_of_them_open",),
    "C-61": (CACHES + "test_however_the_app_answers_a_cookie_of_ours_is_not_lost",),
    "C-70": (
        HOSTS + "test_whatever_the_headers_say_the_answers_are_the_same[H-20 path]",
        HERE + "test_incidents.py::test_no_decision_rests_on_an_address_made_of_host",
    ),
    "C-71": (PATHS + "test_what_is_not_our_route_to_the_letter_is_the_apps[H-04 port]",),
    "C-72": (PATHS + "test_no_header_names_another_path[H-04 X-Forwarded-Uri]",),
    "C-73": (
        PATHS + "test_only_the_exact_public_path_is_public[H-07 question mark]",
        PATHS + "test_only_the_exact_public_path_is_public[H-07 hash]",
    ),
    "C-74": (PATHS + "test_no_header_names_another_path",),
    "C-75": (HOSTS + "test_no_header_says_who_is_there",),
    "C-76": (HOSTS + "test_whatever_the_headers_say_the_answers_are_the_same[H-20 absent]",),
    "C-77": (HOSTS + "test_h24_the_client_address_decides_nothing",),
    "C-78": (PATHS + "test_no_header_names_another_path[H-04 X-Middleware-Subrequest]",),
    "C-79": (HOSTS + "test_h20_requests_at_once_do_not_borrow_each_others_host",),
    "C-80": (
        "tests/stores/test_redis.py::test_a_cancelled_read_costs_nobody_anything",
        "tests/stores/test_sqlalchemy.py::test_a_cancelled_read_never_answers_the_next_one",
        HERE + "test_cookies.py::test_k02_a_record_moved_to_another_key_is_nobody",
    ),
    "C-81": (
        SESSIONS + "test_k10_of_five_hundred_people_at_once_everybody_is_themselves",
        "tests/test_api.py::test_five_hundred_users_at_once_are_never_mixed",
    ),
    "C-82": ("tests/soak/test_abandoned_logins.py::test_logins_that_are_never_finished_leave_nothing",),
    "C-83": (
        LOGIN_COOKIES + "test_k21_of_six_logins_at_once_the_oldest_goes_and_says_so",
        LOGIN_COOKIES + "test_k23_stale_login_cookies_make_room_first",
        LOGIN_COOKIES + "test_k24_as_many_logins_as_there_can_be_fit_into_a_header",
        HERE + "test_cookies.py::test_of_two_genuine_cookies_none_counts",
    ),
    "C-84": (
        LOGOUT + "test_a_form_without_the_token_signs_nobody_out[G-03 right, behind a semicolon]",
        PATHS + "test_h09_an_endless_body_on_logout_is_read_to_a_kilobyte",
    ),
    "C-85": ("tests/test_upstream.py::test_a_fault_at_tiktok_is_a_page_with_a_way_on",),
    "C-86": (
        f"{CALLBACK}[P-01 separators]",
        f"{CALLBACK}[P-14 an empty issuer]",
        f"{RECORD}[K-02 begun at the end of time]",
        "tests/test_client.py::test_broken_numbers_are_refused",
        "tests/test_client.py::test_nonsense_is_called_nonsense[compressed]",
    ),
    "C-87": (
        f"{CALLBACK}[P-10 a megabyte of state]",
        "tests/test_log_limiter.py::test_hundreds_of_bad_callbacks_are_some_lines",
    ),
    "C-88": (CACHES + "test_l04_the_whole_address_of_a_callback_is_in_no_log",),
    "C-89": (
        CACHES + "test_l04_no_secret_is_within_the_apps_reach_unasked",
        "tests/test_models.py::test_a_token_keeps_its_secrets_out_of_its_repr",
        "tests/test_tiktok.py::test_nothing_shows_its_secrets",
    ),
    "C-90": (
        OUTCOMES + "test_nothing_that_came_back_is_ever_shown_or_logged[terminal-P-12]",
        OUTCOMES + "test_nothing_that_came_back_is_ever_shown_or_logged[line-P-12]",
    ),
    "C-91": (
        SOCKETS + "test_a_page_of_another_origin_opens_none",
        SOCKETS + "test_nobody_opens_one_on_a_guarded_path",
    ),
    "C-92": (LOGOUT + "test_pages_of_other_sites_may_not[G-03 no-cors is no proof]",),
    "C-93": (
        HOSTS + "test_a_whole_login_is_the_same_whatever_the_headers_say",
        "tests/test_client.py::test_a_refused_revocation_is_an_error",
        "tests/test_api.py::TestDisconnecting::test_can_be_tried_again_when_tiktok_is_away",
    ),
    "C-94": (
        CONTRACT + "test_keys_are_compared_to_the_letter",
        "tests/test_tiktok.py::TestSessions::test_hold_nothing_that_a_thief_of_the_store_could_use",
    ),
}

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "G-05": ("tests/test_upstream.py::TestWithoutAStore::test_a_sign_out_holds_even_before_the_store_knows",),
    "H-05": ("tests/frameworks/test_behaviour.py::test_links_keep_the_prefix_that_a_proxy_takes_off",),
    "L-04": ("tests/test_login.py::test_the_callbacks_query_stays_out_of_the_access_log",),
    "L-05": ("tests/test_client.py::test_errors_tell_nothing_secret",),
    "V-08": ("tests/test_webhooks.py::test_what_a_hook_failed_at_comes_again",),
    "W-04": ("tests/test_session_socket.py::test_signing_out_closes_one_that_waits",),
}
