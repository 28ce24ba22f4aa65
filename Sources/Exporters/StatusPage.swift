/// The page at `/status`: one file, no assets from elsewhere, so it works behind any base path and without a
/// network.
///
/// It asks for `status.json` and `status/details.json`, relative to itself, every ten seconds and computes
/// rates from two answers. When the node does not answer it says since when, and asks again at growing
/// intervals.
package enum StatusPage {
    /// The media type of the page.
    package static let contentType = "text/html; charset=utf-8"

    /// Headers to send with the page: everything it uses stands in it.
    package static let securityHeaders: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ]

    /// The whole page.
    package static let html: [UInt8] = Array(
        (head + "<style>" + style + "</style></head>" + body + "<script>" + script
            + "</script></body></html>\n").utf8)

    private static let head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark"><title>Broker status</title>

        """

    private static let body = """
        <body>
        <a class="skip" href="#main">Skip to the numbers</a>
        <header>
          <div><h1 id="node">Broker</h1><p id="about" class="muted">Waiting for the first answer…</p></div>
          <p id="state" class="pill" role="status" aria-live="polite">connecting</p>
        </header>
        <main id="main">
        <p id="notice" class="notice" role="alert" hidden></p>
        <noscript><p class="notice">This page needs JavaScript. The same numbers: <a href="status.json">status.json</a>,
        <a href="metrics">metrics</a>.</p></noscript>
        <section aria-labelledby="h-issues" id="issues-section">
          <h2 id="h-issues">Issues</h2><ul id="issues"><li class="ok">Nothing to report yet.</li></ul>
        </section>
        <section aria-labelledby="h-now"><h2 id="h-now">Now</h2><dl class="tiles" id="tiles"></dl></section>
        <section aria-labelledby="h-nodes" id="nodes-section">
          <h2 id="h-nodes">Nodes</h2>
          <div class="scroll" tabindex="0" role="region" aria-labelledby="h-nodes"><table><thead><tr>
            <th scope="col">Node</th><th scope="col">Peers</th><th scope="col" class="n">Online</th>
            <th scope="col" class="n">Offline</th><th scope="col" class="n">In/s</th><th scope="col" class="n">Out/s</th>
            <th scope="col" class="n">Lost/s</th><th scope="col" class="n">Waiting</th>
            <th scope="col" class="n">Subscriptions</th><th scope="col" class="n">Retained</th>
          </tr></thead><tbody id="nodes"></tbody></table></div>
        </section>
        <section aria-labelledby="h-listeners">
          <h2 id="h-listeners">Listeners</h2>
          <div class="scroll" tabindex="0" role="region" aria-labelledby="h-listeners"><table><thead><tr>
            <th scope="col">Type</th><th scope="col">State</th><th scope="col">Address</th>
            <th scope="col" class="n">Port</th><th scope="col">Mountpoint</th>
            <th scope="col" class="n">Connections</th><th scope="col" class="n">Max. connections</th>
            <th scope="col" class="n">Refused</th>
          </tr></thead><tbody id="listeners"></tbody></table></div>
        </section>
        <section aria-labelledby="h-loops" id="loops-section" hidden>
          <h2 id="h-loops">Event loops</h2>
          <div class="scroll" tabindex="0" role="region" aria-labelledby="h-loops"><table><thead><tr>
            <th scope="col">Loop</th><th scope="col">State</th><th scope="col">Busy</th>
            <th scope="col" class="n">Connections</th><th scope="col" class="n">Turns/s</th>
            <th scope="col" class="n">Mailbox</th>
          </tr></thead><tbody id="loops"></tbody></table></div>
        </section>
        <section aria-labelledby="h-lost" id="lost-section" hidden>
          <h2 id="h-lost">Where messages ended</h2>
          <div class="scroll" tabindex="0" role="region" aria-labelledby="h-lost"><table><thead><tr>
            <th scope="col">What happened</th><th scope="col">Reason</th><th scope="col" class="n">Messages</th>
          </tr></thead><tbody id="lost"></tbody></table></div>
        </section>
        </main>
        <footer class="muted">Refreshed every 10 s · <a href="metrics">metrics</a> · <a href="health">health</a> ·
        <a href="status.json">status.json</a></footer>

        """
}
