/// The tables: filled anew with each answer, sorted as the reader has chosen.
extension StatusPage {
    static let scriptTables = #"""
        const order = {};
        const sortRows = (id, rows) => {
          const chosen = order[id];
          if (!chosen) return rows;
          const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
          return rows.sort((a, b) => chosen.sign * compare(a.keys[chosen.column], b.keys[chosen.column]));
        };
        let lastRows = {};
        const showTable = (id, rows, empty = "None.") => {
          lastRows[id] = [rows, empty];
          const columns = byId(id).tHead.rows[0].cells.length;
          const shown = sortRows(id, [...rows]).map(({cells}) => make("tr", {}, ...cells));
          const none = make("tr", {}, make("td", {colspan: columns}, empty));
          byId(id).tBodies[0].replaceChildren(...(shown.length ? shown : [none]));
        };
        for (const table of document.querySelectorAll("table"))
          [...table.tHead.rows[0].cells].forEach((head, column) => {
            const button = make("button", {type: "button"}, head.textContent);
            button.addEventListener("click", () => {
              const chosen = order[table.id], isSame = chosen?.column === column;
              order[table.id] = {column, sign: isSame ? -chosen.sign : head.className === "n" ? -1 : 1};
              for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
              head.setAttribute("aria-sort", order[table.id].sign > 0 ? "ascending" : "descending");
              showTable(table.id, ...(lastRows[table.id] || [[]]));
            });
            head.replaceChildren(button);
          });

        // A row from values: {key to sort by, text, kind, tag} or a plain text.
        const row = (...values) => ({
          keys: values.map(value => value.key ?? value.text ?? value),
          cells: values.map((value, i) => make(i ? "td" : "th", {...(i ? {} : {scope: "row"}), class: value.kind || ""},
            value.node || String(value.text ?? value))),
        });
        const count = (value, kind = "") => ({key: value ?? -1, text: number(value), kind: `n ${kind}`});
        const meter = (share, text) => {
          const svg = draw("svg", {class: `meter ${share > 0.85 ? "full" : ""}`, viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"},
            draw("rect", {width: 100, height: 10, rx: 3}), draw("rect", {width: Math.max(0, Math.min(100, share * 100)), height: 10, rx: 3}));
          return {key: share, node: make("span", {}, svg, text)};
        };
        const showTables = node => {
          const reasons = [["Lost", node.drops], ["Rejected", node.rejects]].flatMap(([what, list]) =>
            list.filter(reason => reason.count).map(reason => ({what, ...reason})));
          reasons.sort((a, b) => (b.rate || 0) - (a.rate || 0) || (b.last_ms || 0) - (a.last_ms || 0));
          showTable("drops", reasons.map(reason => row(reason.what, words(reason.reason),
            {key: reason.rate ?? 0, text: perSecond(reason.rate), kind: reason.rate > 0 ? "n bad" : "n"}, count(reason.count),
            {key: reason.since_ms ?? 0, text: moment(reason.since_ms), kind: "n"}, {key: reason.last_ms ?? 0, text: moment(reason.last_ms), kind: "n"},
            {text: reason.do || `${reason.means[0].toUpperCase()}${reason.means.slice(1)}.`, kind: "text"})), "No message was lost or rejected since the start.");
          showTable("listeners", node.listeners.map(listener => {
            const limit = typeof listener.max_conns === "number" ? listener.max_conns : null, open = listener.conns;
            const reached = (listener.limits_reached || []).join(", ");
            return row(listener.type, {text: reached ? `${reached} reached` : listener.status, kind: reached || listener.status !== "running" ? "bad" : ""},
              listener.ip, {key: listener.port, text: listener.port || "–", kind: "n"}, String(listener.mountpoint) || "–", count(open),
              limit === null ? {key: Infinity, text: "none", kind: "n"} : count(limit),
              known(open) && limit ? meter(open / limit, `${Math.round(open / limit * 100)} %`) : "–",
              count(listener.refused, listener.refused ? "bad" : ""));
          }));
          showTable("loops", node.loops.map((loop, i) => row({key: i, text: i, kind: "n"},
            {text: loop.stalled ? "stalled" : "running", kind: loop.stalled ? "bad" : ""},
            known(loop.busy_percent) ? meter(loop.busy_percent / 100, `${Math.round(loop.busy_percent)} %`) : "–",
            count(loop.connections), count(loop.queued), count(loop.mailbox))));
          const store = node.store, backlog = store.backlog_limit_bytes
            ? `${bytes(store.backlog_bytes)} of ${bytes(store.backlog_limit_bytes)}` : "–";
          byId("store").replaceChildren(...[
            ["Takes writes", store.failing ? "no" : "yes", store.failing], ["Stored messages", number(store.messages)],
            ["On disk alone", number(store.on_disk_alone)], ["Backlog", backlog], ["Answers waiting", number(store.answers_waiting)],
            ["Clients waiting", number(store.clients_waiting), store.clients_waiting > 0], ["On disk", bytes(store.disk_bytes)],
            ["Errors, damaged rows", `${number(store.errors)}, ${number(store.damaged_rows)}`, store.errors + store.damaged_rows > 0],
            ["Memory", bytes(node.memory_bytes)], ["Subscriptions", number(node.num_subscriptions)],
            ["Retained messages", number(node.num_retained)],
            ["Descriptors", node.descriptors ? `${number(node.descriptors.open)} of ${number(node.descriptors.limit)}` : "–"],
          ].flatMap(([name, text, isBad]) => [make("dt", {}, name), make("dd", isBad ? {class: "bad-text"} : {}, text)]));
        };

        """#
}
