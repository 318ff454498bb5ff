"""Machines that look for what breaks us: libFuzzer at each place where a stranger's bytes come in.

    pip install atheris
    python -m fuzz NAME --minutes 5

A target is one file with a promise and one function that checks it. What a run learns is kept in
`corpus/NAME/`, and the tests play all of it again, without the fuzzer.

Measured on 21 November 2026 with Atheris 3.0.0 and Python 3.11.7, on a machine with 2 cores that had other work to
do; edges and features are those of the package alone:

    target            seconds      runs   edges   features   crashes
    cookie_header         301    33,467     661      1,049         0
    callback_query        301    63,234     658        864         0
    next_path             301 1,739,931      35        135         0
    token_body            301    42,063     674        851         0
    user_info_body        301    29,334     641        779         0
    webhook               301   148,904     436        462         0
    login_query           301    56,854     562        702         0
    stored_record         301   121,613     304        306         0

An earlier run of login_query ended after 19,643 inputs with a `next` that the site sent on to its own login, because
the prefix of the mount was written in capitals; that is mended, and the input is in the corpus.
"""

from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
NAMES = (
    "cookie_header",
    "callback_query",
    "login_query",
    "next_path",
    "token_body",
    "user_info_body",
    "webhook",
    "stored_record",
)
