/// The page at `/status`: one file, no assets from elsewhere, so it works behind any base path and without a network.
///
/// It asks for `status.json` every two seconds and for `status/history.json` every five, relative to itself. When the
/// node does not answer it says since when, dims its numbers, and asks again at growing intervals.
package enum StatusPage {
    /// The media type of the page.
    package static let contentType = "text/html; charset=utf-8"

    /// Headers to send with the page: everything it uses stands in it and carries `nonce`, so that no other script or
    /// style runs, wherever it came from.
    package static func securityHeaders(nonce: String) -> [(name: String, value: String)] {
        [
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; img-src data:; "
                    + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
            ),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ]
    }

    /// A new one for each answer.
    package static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in String(generator.next(), radix: 36) }.joined()
    }

    /// The whole page.
    package static func html(nonce: String) -> [UInt8] {
        let pieces = [
            head, "<style nonce=\"", nonce, "\">", style, "</style></head>", body, "<script nonce=\"", nonce,
            "\">",
            "\"use strict\";\n(() => {\n", scriptText, scriptDrawings, scriptLedger, scriptTables,
            scriptSessions,
            scriptMain,
            "\n})();\n</script></body></html>\n",
        ]
        return pieces.reduce(into: []) { $0 += $1.utf8 }
    }

    private static let head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark"><title>Broker status</title>
        <link rel="icon" id="icon" href="data:,">

        """

    private static let body = """
        <body class="unknown">
        <a class="skip" href="#main">Skip to the numbers</a>
        <header>
          <div class="state">
            <p id="state" role="status">Connecting</p>
            <p id="reason">Waiting for the first answer.</p>
          </div>
          <div class="who"><h1 id="node">Broker</h1><p id="about"></p></div>
        </header>
        <main id="main">
        <p id="notice" role="alert" hidden></p>
        <noscript><p class="notice">This page needs JavaScript. The same numbers: <a href="status.json">status.json</a>,
        <a href="metrics">metrics</a>.</p></noscript>
        <section class="cards" aria-label="Now">
          <div class="card"><h2>Messages in</h2><p class="big"><span id="in">–</span><small>/s</small></p>
            <svg id="in-course" class="spark" aria-hidden="true"></svg><p class="note" id="in-note"></p></div>
          <div class="card"><h2>Messages out</h2><p class="big"><span id="out">–</span><small>/s</small></p>
            <svg id="out-course" class="spark" aria-hidden="true"></svg><p class="note" id="out-note"></p></div>
          <div class="card" id="lost-card"><h2>Lost</h2><p class="big"><span id="lost">–</span><small>/s</small></p>
            <svg id="lost-course" class="spark bad" aria-hidden="true"></svg><p class="note" id="lost-note"></p></div>
          <div class="card"><h2>Clients</h2><p class="big"><span id="clients">–</span></p>
            <svg id="clients-course" class="spark" aria-hidden="true"></svg><p class="note" id="clients-note"></p></div>
          <div class="card"><h2>Latency</h2>
            <p class="pair"><span><b>p50</b><span id="p50">–</span><small>ms</small></span>
            <span><b>p99</b><span id="p99">–</span><small>ms</small></span></p>
            <svg id="latency-course" class="spark" aria-hidden="true"></svg><p class="note" id="latency-note"></p></div>
        </section>
        <section class="panel" id="warnings-panel" aria-labelledby="h-warnings">
          <div class="title"><h2 id="h-warnings">Warnings</h2>
            <button type="button" id="all-warnings" aria-expanded="false" hidden>Show all</button></div>
          <ul id="warnings"><li class="none"><p>Not known yet.</p></li></ul>
        </section>
        <section class="panel" aria-labelledby="h-ledger">
          <div class="title"><h2 id="h-ledger">Where messages go</h2><p id="verdict"></p></div>
          <div id="ledger-box"><svg id="ledger" role="img" aria-label="Not known yet"></svg></div>
        </section>
        <section aria-labelledby="h-course">
          <div class="title"><h2 id="h-course">Course</h2>
            <div class="ranges" role="group" aria-label="How far back">
              <button type="button" data-range="15m" aria-pressed="true">15 min</button>
              <button type="button" data-range="6h" aria-pressed="false">6 h</button>
              <button type="button" data-range="48h" aria-pressed="false">48 h</button>
            </div></div>
          <div id="charts"></div>
        </section>
        <section aria-labelledby="h-drops">
          <h2 id="h-drops">Lost and rejected</h2>
          <div class="scroll" tabindex="0" role="group" aria-labelledby="h-drops"><table id="drops"><thead><tr>
            <th scope="col">What</th><th scope="col">Reason</th><th scope="col" class="n">Now</th>
            <th scope="col" class="n">Since the start</th><th scope="col" class="n">Since</th>
            <th scope="col" class="n">Last</th><th scope="col">What to do</th>
          </tr></thead><tbody></tbody></table></div>
        </section>
        <section aria-labelledby="h-sessions">
          <div class="title"><h2 id="h-sessions">Clients that lose or wait most</h2>
            <button type="button" id="ask-sessions">Look</button></div>
          <p class="note" id="sessions-note" role="status">The broker looks through its sessions when you ask.</p>
          <p id="key-box" hidden><label for="key">API key of scope status or mgmt</label>
            <input id="key" type="password" autocomplete="off" spellcheck="false">
            <button type="button" id="use-key">Look with this key</button></p>
          <div class="scroll" id="sessions-box" tabindex="0" role="group" aria-labelledby="h-sessions" hidden><table id="sessions"><thead><tr>
            <th scope="col">Client</th><th scope="col">User</th><th scope="col">Address</th>
            <th scope="col" class="n">Lost</th><th scope="col">Last loss</th><th scope="col" class="n">Queued</th>
            <th scope="col" class="n">In flight</th><th scope="col" class="n">Bytes</th><th scope="col" class="n">Oldest</th>
          </tr></thead><tbody></tbody></table></div>
        </section>
        <section aria-labelledby="h-listeners">
          <h2 id="h-listeners">Listeners</h2>
          <div class="scroll" tabindex="0" role="group" aria-labelledby="h-listeners"><table id="listeners"><thead><tr>
            <th scope="col">Type</th><th scope="col">State</th><th scope="col">Address</th>
            <th scope="col" class="n">Port</th><th scope="col">Mountpoint</th><th scope="col" class="n">Connections</th>
            <th scope="col" class="n">Limit</th><th scope="col">Use</th><th scope="col" class="n">Refused</th>
          </tr></thead><tbody></tbody></table></div>
        </section>
        <div class="halves">
        <section aria-labelledby="h-loops">
          <h2 id="h-loops">Event loops</h2>
          <div class="scroll" tabindex="0" role="group" aria-labelledby="h-loops"><table id="loops"><thead><tr>
            <th scope="col" class="n">Loop</th><th scope="col">State</th><th scope="col">Busy</th>
            <th scope="col" class="n">Connections</th><th scope="col" class="n">Queued</th>
            <th scope="col" class="n">Mailbox</th>
          </tr></thead><tbody></tbody></table></div>
        </section>
        <section aria-labelledby="h-store">
          <h2 id="h-store">Store and memory</h2><dl id="store"></dl>
        </section>
        </div>
        </main>
        <footer><span id="age"></span> · <a href="metrics">metrics</a> · <a href="health">health</a> ·
        <a href="status.json">status.json</a></footer>

        """
}
