/// What the status page does, last part: it asks, shows, and says so when nobody answers.
extension StatusPage {
    static let scriptMain = #"""
        const period = 2000, longest = 60000, staleAfter = 6000;
        const stateWords = {ok: "OK", losing: "Losing", strained: "Strained", failing: "Failing", stopping: "Stopping", silent: "Silent"};
        let wait = period, offlineSince = null, lastAnswer = null, lastNode = null, range = "15m", historyAt = 0, showsAll = false;

        const get = async path => {
          const answer = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(8000)});
          if (!answer.ok) throw new Error(`${path.split("?")[0]} answered ${answer.status}`);
          return answer.json();
        };
        // Trouble shows in the tab, by colour and by shape.
        const showTab = (state, title) => {
          document.title = title;
          const colour = {ok: "%231a8f4d", strained: "%23d98a00", stopping: "%23d98a00"}[state] || "%23d3212c";
          const shape = state === "ok" ? `<circle cx='8' cy='8' r='7' fill='${colour}'/>`
            : `<path d='M8 1l7.5 14h-15z' fill='${colour}'/><path d='M7.2 6h1.6v4.5H7.2zM7.2 11.5h1.6v1.8H7.2z' fill='white'/>`;
          const icon = `data:image/svg+xml,<svg xmlns='${byId("ledger").namespaceURI}' viewBox='0 0 16 16'>${shape}</svg>`;
          if (byId("icon").getAttribute("href") !== icon) byId("icon").setAttribute("href", icon);
        };
        const showState = (state, reason, name) => {
          document.body.classList.remove("unknown", ...Object.keys(stateWords));
          document.body.classList.add(state);
          setText("state", stateWords[state] || state);
          setText("reason", reason);
          showTab(state, `${state === "ok" ? "" : "⚠ "}${stateWords[state] || state} · ${name}`);
        };
        const showWarnings = warnings => {
          const most = showsAll ? warnings.length : 3;
          byId("all-warnings").hidden = warnings.length <= 3;
          setText("all-warnings", showsAll ? "Show the first" : `Show all ${warnings.length}`);
          const items = warnings.slice(0, most).map(warning => make("li", {class: warning.severity},
            make("p", {}, make("b", {}, warning.severity === "critical" ? "Critical: " : "Warning: "), warning.text),
            make("p", {class: "do"}, `${warning.do}${warning.runbook ? ` Runbook: ${warning.runbook}.` : ""}`)));
          byId("warnings").replaceChildren(...(items.length ? items : [make("li", {class: "none"},
            make("p", {}, "None."), make("p", {class: "do"}, "Nothing is lost, no limit is near, the loops and the store keep up."))]));
        };
        const showNow = node => {
          const {rates, latency} = node;
          setText("in", number(rates.in));
          setText("out", number(rates.out));
          setText("lost", number(rates.lost));
          setText("clients", number(node.num_online));
          setText("p50", milliseconds(latency.p50_s));
          setText("p99", milliseconds(latency.p99_s));
          setText("in-note", `${bytes(rates.bytes_in)}/s · ${number(node.msg_in)} so far`);
          setText("out-note", `${bytes(rates.bytes_out)}/s · ${number(node.msg_out)} so far`);
          setText("clients-note", `${number(Math.max(0, node.num_offline))} away · ${perSecond(rates.connects)} connect`);
          setText("latency-note", latency.of.split(":")[0]);
          // The losses that still go on, or the last one: a burst must not vanish after ten seconds.
          const last = node.drops.filter(drop => known(drop.last_ms)).sort((a, b) => (b.rate || 0) - (a.rate || 0) || b.last_ms - a.last_ms)[0];
          const isNow = last && node.now_ms - last.last_ms < 60000;
          setText("lost-note", isNow ? `${words(last.reason)} since ${moment(last.since_ms)}`
            : last ? `last ${moment(last.last_ms)} · ${number(node.msg_drop)} so far` : node.msg_drop ? `${number(node.msg_drop)} so far` : "none since the start");
          byId("lost-card").classList.toggle("alarm", Boolean(isNow));
        };
        const show = (name, node) => {
          lastNode = node;
          setText("node", name);
          setText("about", `version ${node.version} · up ${span(node.uptime_ms)} · ${clock(node.now_ms)}`);
          showNow(node);
          showWarnings(node.warnings);
          showLedger(node);
          showTables(node);
          showState(node.state, node.reason, name);
        };
        const showHistory = async () => {
          const asked = range, recent = await get("status/history.json?range=15m");
          for (const [id, series] of [["in-course", "in"], ["out-course", "out"], ["lost-course", "lost"], ["clients-course", "clients"]])
            spark(id, recent.series[series]);
          spark("latency-course", recent.series.latency_p99, 1e-6);
          const chosen = asked === "15m" ? recent : await get(`status/history.json?range=${asked}`);
          if (asked === range) showCharts(chosen);
        };
        const showAge = () => {
          const age = lastAnswer === null ? null : Date.now() - lastAnswer;
          const isOld = age === null ? offlineSince !== null : age > staleAfter || lastNode.look_age_s > 6;
          document.body.classList.toggle("stale", isOld);
          setText("age", age === null ? "No answer yet" : `Numbers of ${age < 4000 ? "now" : span(age) + " ago"}`);
          const isFrozen = !offlineSince && lastNode?.look_age_s > 6;
          byId("notice").hidden = !offlineSince && !isFrozen;
          if (isFrozen) setText("notice", `The broker answers, but took its last look at itself ${Math.round(lastNode.look_age_s)} s ago: rates and warnings are of then.`);
        };
        const refresh = async () => {
          try {
            const answer = await get("status.json");
            const [name, node] = Object.entries(answer[0])[0];
            show(name, node);
            lastAnswer = Date.now();
            offlineSince = null;
            wait = period;
            if (Date.now() - historyAt > 4900) {
              historyAt = Date.now();
              // The charts may be late; the numbers are there.
              await showHistory().catch(() => {});
            }
          } catch (error) {
            offlineSince ??= lastAnswer ?? Date.now();
            wait = Math.min(longest, wait * 1.6);
            const name = byId("node").textContent;
            showState("silent", `No answer since ${moment(offlineSince)}. What stands below is older.`, name);
            // What was so when it last answered may be otherwise now.
            byId("all-warnings").hidden = true;
            byId("warnings").replaceChildren(make("li", {}, make("p", {}, "Not known while the broker does not answer."),
              make("p", {class: "do"}, "See whether its process runs: vernemq ping. Runbook: VerneMQInstanceDown.")));
            byId("verdict").className = "unknown";
            setText("verdict", "Not known");
            const problem = error.name === "TypeError" ? "the connection failed" : error.name === "TimeoutError" ? "it took too long" : error.message;
            setText("notice", `No answer from the broker: ${problem}. Asking again in ${Math.round(wait / 1000)} s.`);
          }
          showAge();
          setTimeout(refresh, wait);
        };
        for (const button of document.querySelectorAll("[data-range]"))
          button.addEventListener("click", () => {
            range = button.dataset.range;
            for (const other of document.querySelectorAll("[data-range]")) other.setAttribute("aria-pressed", String(other === button));
            showHistory().catch(() => {});
          });
        byId("all-warnings").addEventListener("click", () => {
          showsAll = !showsAll;
          byId("all-warnings").setAttribute("aria-expanded", String(showsAll));
          showWarnings(lastNode.warnings);
        });
        new ResizeObserver(() => lastNode && showLedger(lastNode)).observe(byId("ledger-box"));
        setInterval(showAge, 1000);
        refresh();
        """#
}
