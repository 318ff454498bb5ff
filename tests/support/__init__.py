"""Code that several tests share. It imports no test module and no conftest.

The site under test, and how to sign in:

    settings        addresses, cookie names and request headers
    people          people of the emulator, by name
    app             the app behind the middleware
    tiktok          the configured TikTok app, a token for it, and the number of its requests
    login           sign in with Starlette's test client or with httpx
    qr              sign in with a QR code
    webhooks        signed webhook requests
    native          a native app that signs in

Safety nets and tools:

    canaries        the canary fixture: a test fails if a secret appears in a log record or an error
    clock           a clock that a test can move
    waiting         wait for another thread or process
    ports           free ports
    public_names    the public names of the public classes
    npm             packages from npm
    requirements    programs and servers that a test needs: skip on a developer's machine, fail in CI

Browsers:

    browser         a browser in front of an ASGI app, with the cookie and header rules of real browsers
    cookies         the cookie jar of `browser` (RFC 6265bis)
    urls            the URLs of `browser` (WHATWG URL)
    whatwg          URLs as Node resolves them
    http_browser    a browser in front of a framework server, over a real socket
    form_browser    a browser that fills in the forms of the demo and the emulator
    chromium        a real Chromium

Attacks and failures:

    requests        a single request or WebSocket handshake, exact to the byte
    callbacks       callback requests with a query that an attacker wrote
    next_paths      the table of values for `next`
    strategies      Hypothesis strategies for `next`
    faults          a TikTok that fails, and a store that fails
    held_tiktok     a TikTok whose responses are held back, or never arrive
    relay           an address that can lead to another server, and a network that can fail
    interleaving    two actions at the same time, one paused at each of its steps
    guarded         one app in each framework with a guarded route, and the requests that must not reach it
    incidents       the incidents of comparable projects, with the tests that would have caught them

Stores:

    stores          the fixture `each_store`: every engine in turn
    wrapped_store   a store around another store, with hooks
    two_sites       one browser at two sites whose stores have the same records
    listener        a listener that remembers what the channel of a store reports
    databases       SQL databases
    redis_servers   Redis
    pgbouncer       PgBouncer in front of PostgreSQL

Frameworks, servers and processes:

    sites           one site in each framework, installed in each way
    host            the app that a server process runs: all of `sites`
    trio_site       the site that a server with trio runs
    servers         ASGI servers, in a process or in a thread
    processes       programs in a process of their own
    example_app     an example of examples/, and what every example must do
    results         the table of behaviors that passed
"""
