/// What the status page does. Text from the node is only ever set as text, never as markup.
extension StatusPage {
    static let script = #"""
        "use strict";
        (() => {
          const period = 10000, longest = 120000;
          const byId = id => document.getElementById(id);
          const whole = new Intl.NumberFormat();
          let before = null, wait = period, offlineSince = null;

          const cell = (text, tag = "td", kind = "") => {
            const element = document.createElement(tag);
            if (kind) element.className = kind;
            if (text instanceof Node) element.append(text); else element.textContent = text;
            return element;
          };
          const row = cells => {
            const element = document.createElement("tr");
            element.append(...cells);
            return element;
          };
          const number = value => cell(whole.format(value), "td", "n");
          const span = milliseconds => {
            const s = Math.floor(milliseconds / 1000), d = Math.floor(s / 86400);
            const h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
            return d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : m ? `${m} min` : `${s} s`;
          };
          const bytes = value => {
            let unit = 0;
            const units = ["B", "KiB", "MiB", "GiB", "TiB"];
            while (value >= 1024 && unit < 4) { value /= 1024; unit++; }
            return `${value >= 100 || !unit ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
          };
          // Per second since the answer before; 0 at first, and after a restart or a reset.
          const rate = (now, then, seconds) =>
            then === undefined || seconds <= 0 ? 0 : Math.max(0, Math.round((now - then) / seconds));
          const queued = n => Math.max(0, n.queue_in - n.queue_out - n.queue_drop - n.queue_unhandled);

          // Beside the page, whether it was asked for as /status or as /status/, here or below a proxy's prefix.
          const page = location.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
          const get = async path => {
            const abort = new AbortController();
            const timer = setTimeout(() => abort.abort(), 8000);
            try {
              const answer = await fetch(new URL(path, page), {cache: "no-store", signal: abort.signal});
              if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
              return await answer.json();
            } finally { clearTimeout(timer); }
          };

          const tile = (name, value, small = "", kind = "") => {
            const box = document.createElement("div");
            if (kind) box.className = kind;
            const number = cell(value, "dd");
            if (small) number.append(" ", cell(small, "small"));
            box.append(cell(name, "dt"), number);
            return box;
          };

          const issuesOf = (nodes, details) => {
            const found = [];
            for (const [name, n] of Object.entries(nodes)) {
              for (const [member, isUp] of Object.entries((n.mystatus || [{}])[0] || {}))
                if (!isUp) found.push(["bad", `${name} does not reach ${member}.`]);
              for (const l of n.listeners || [])
                if (l.status !== "running") found.push(["", `${name}: listener ${l.type} on ${l.ip}:${l.port} is ${l.status}.`]);
            }
            for (const l of Object.values(nodes).flatMap(n => n.listeners || []))
              for (const limit of l.limits_reached || [])
                found.push(["bad", `Listener ${l.type} on ${l.ip}:${l.port} has no room for more clients: ${limit}.`]);
            const versions = new Set(Object.values(nodes).map(n => n.version));
            if (versions.size > 1) found.push(["", `Nodes run different versions: ${[...versions].join(", ")}.`]);
            for (const [i, loop] of (details?.loops || []).entries())
              if (loop.stalled) found.push(["bad", `Event loop ${i} did not answer in time; its last numbers are shown.`]);
            for (const [name, value] of Object.entries(details?.ledger || {}))
              if (value && name !== "transit" && name !== "storage") found.push(["bad", `The ledger's ${name} equation is off by ${whole.format(value)}.`]);
            if (details?.store?.failing)
              found.push(["bad", "The store takes no writes: messages that would have to be stored are refused. The log says why."]);
            if (details?.store?.damaged_rows)
              found.push(["bad", `${whole.format(details.store.damaged_rows)} stored rows could not be read: run vernemq store check.`]);
            return found;
          };

          const show = (nodes, details) => {
            const at = performance.now();
            const seconds = before ? (at - before.at) / 1000 : 0;
            const names = Object.keys(nodes), first = nodes[names[0]];
            const sum = f => names.reduce((total, name) => total + f(nodes[name], before?.nodes[name]), 0);
            const perSecond = field => sum((n, then) => rate(n[field], then?.[field], seconds));

            byId("node").textContent = names[0];
            document.title = `${names[0]} – status`;
            byId("about").textContent = `version ${first.version}`
              + (details ? ` · up ${span(details.uptime_ms)} · ${bytes(details.memory_bytes)} · ${details.cpu_percent} % busy` : "");

            const issues = issuesOf(nodes, details);
            byId("issues").replaceChildren(...(issues.length
              ? issues.map(([kind, text]) => cell(text, "li", kind)) : [cell("All is well.", "li", "ok")]));

            const drops = perSecond("queue_drop"), unhandled = perSecond("queue_unhandled");
            const tiles = [
              tile("Clients online", whole.format(sum(n => n.num_online))),
              tile("Clients offline", whole.format(sum(n => Math.max(0, n.num_offline)))),
              tile("Published in", whole.format(perSecond("msg_in")), "/s"),
              tile("Published out", whole.format(perSecond("msg_out")), "/s"),
              tile("Queue in", whole.format(perSecond("queue_in")), "/s"),
              tile("Queue out", whole.format(perSecond("queue_out")), "/s"),
              tile("Dropped", whole.format(drops), "/s", drops ? "bad" : ""),
              tile("Unhandled", whole.format(unhandled), "/s", unhandled ? "bad" : ""),
              tile("Queued", whole.format(details ? details.queued : sum(queued))),
              tile("Subscriptions", whole.format(sum(n => n.num_subscriptions))),
              tile("Retained", whole.format(sum(n => n.num_retained))),
            ];
            if (first.descriptors)
              tiles.push(tile("Descriptors", whole.format(first.descriptors.open), `of ${whole.format(first.descriptors.limit)}`));
            if (details) {
              tiles.push(tile("Bytes in", bytes(rate(details.bytes_in, before?.details?.bytes_in, seconds)), "/s"),
                tile("Bytes out", bytes(rate(details.bytes_out, before?.details?.bytes_out, seconds)), "/s"),
                tile("Stored", whole.format(details.store.messages)),
                tile("Connects", whole.format(rate(details.connects, before?.details?.connects, seconds)), "/s"));
            }
            byId("tiles").replaceChildren(...tiles);

            byId("nodes").replaceChildren(...names.map(name => {
              const n = nodes[name], then = before?.nodes[name], peers = Object.values((n.mystatus || [{}])[0] || {});
              return row([cell(name, "th"), cell(`${peers.filter(Boolean).length} of ${peers.length}`),
                number(n.num_online), number(Math.max(0, n.num_offline)),
                number(rate(n.msg_in, then?.msg_in, seconds)), number(rate(n.msg_out, then?.msg_out, seconds)),
                number(rate(n.queue_drop, then?.queue_drop, seconds)), number(details && name === names[0] ? details.queued : queued(n)),
                number(n.num_subscriptions), number(n.num_retained)]);
            }));
            byId("listeners").replaceChildren(...names.flatMap(name => (nodes[name].listeners || []).map(l =>
              row([cell(l.type, "th"), cell(l.status), cell(l.ip), cell(String(l.port), "td", "n"),
                cell(l.mountpoint.length ? String(l.mountpoint) : "–"),
                l.conns === undefined ? cell("–", "td", "n") : number(l.conns),
                typeof l.max_conns === "number" ? number(l.max_conns) : cell("no limit", "td", "n"),
                l.refused === undefined ? cell("–", "td", "n") : number(l.refused)]))));

            byId("loops-section").hidden = byId("lost-section").hidden = !details;
            if (details) {
              byId("loops").replaceChildren(...details.loops.map((loop, i) => {
                const meter = document.createElement("meter");
                Object.assign(meter, {min: 0, max: 100, high: 90, value: loop.busy_percent});
                meter.setAttribute("aria-hidden", "true");
                const busy = document.createElement("span");
                busy.append(meter, ` ${loop.busy_percent} %`);
                return row([cell(String(i), "th"), cell(loop.stalled ? "stalled" : "running"), cell(busy),
                  number(loop.connections), number(rate(loop.turns, before?.details?.loops[i]?.turns, seconds)),
                  number(loop.mailbox)]);
              }));
              const lost = ["drops", "rejected"].flatMap(kind => Object.entries(details[kind])
                .filter(([, count]) => count)
                .map(([reason, count]) => row([cell(kind === "drops" ? "copy dropped" : "publish rejected", "th"),
                  cell(reason.replaceAll("_", " ")), number(count)])));
              const none = cell("No message was dropped or rejected.");
              none.colSpan = 3;
              byId("lost").replaceChildren(...(lost.length ? lost : [row([none])]));
            }
            before = {at, nodes, details};
          };

          const state = (text, kind) => {
            byId("state").textContent = text;
            byId("state").className = `pill ${kind}`;
          };

          const refresh = async () => {
            try {
              const [answer, details] = await Promise.all([
                get("status.json"), get("status/details.json").catch(() => null)]);
              show(answer[0], details);
              offlineSince = null;
              wait = period;
              byId("notice").hidden = true;
              state("online", "ok");
            } catch (error) {
              offlineSince ??= new Date();
              state("offline", "bad");
              byId("issues").replaceChildren(cell("Not known while the node does not answer.", "li"));
              byId("notice").hidden = false;
              byId("notice").textContent = `No answer since ${offlineSince.toLocaleTimeString()}: ${error.message}. `
                + `Asking again in ${Math.round(wait / 1000)} s; what stands below is older.`;
              setTimeout(refresh, wait);
              wait = Math.min(longest, wait * 2);
              return;
            }
            setTimeout(refresh, wait);
          };
          refresh();
        })();
        """#
}
