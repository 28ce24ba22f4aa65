/// Who loses and who waits most: asked for when somebody presses the button, for the broker has to walk through its sessions.
extension StatusPage {
    static let scriptSessions = #"""
        // Kept in this page alone, until it is closed.
        let key = "";
        const showSessions = found => {
          const seen = new Map();
          for (const entry of [...found.losing, ...found.waiting]) seen.set(JSON.stringify([entry.mountpoint, entry.client_id]), entry);
          byId("sessions-box").hidden = false;
          showTable("sessions", [...seen.values()].map(entry => row(
            {text: entry.mountpoint ? `${entry.client_id} (${entry.mountpoint})` : entry.client_id, kind: "name"},
            {text: entry.user ?? "–", kind: "name"}, entry.online ? entry.peer : "away",
            count(entry.lost, entry.lost ? "bad" : ""),
            {key: entry.last_loss_age_s ?? Infinity, text: entry.last_loss ? `${words(entry.last_loss)}, ${span(entry.last_loss_age_s * 1000)} ago` : "–"},
            count(entry.queued), count(entry.inflight), {key: entry.queued_bytes, text: bytes(entry.queued_bytes), kind: "n"},
            {key: entry.oldest_s ?? -1, text: known(entry.oldest_s) ? span(entry.oldest_s * 1000) : "–", kind: "n"})), "Nobody loses, and nobody waits.");
          setText("sessions-note", `${number(found.sessions)} sessions at ${moment(found.at_ms)}; the first ten that lose, and the first ten that wait.`
            + (found.complete ? "" : " There was no time for all of them."));
        };
        const askSessions = async () => {
          setText("sessions-note", "Looking …");
          try {
            const headers = key ? {"x-api-key": key} : {};
            const answer = await fetch("status/sessions.json", {cache: "no-store", headers, signal: AbortSignal.timeout(10000)});
            if (answer.status === 401) {
              byId("key-box").hidden = false;
              byId("key").focus();
              return setText("sessions-note", key ? "That key is not good for it." : "This broker has API keys: it names clients to who has one.");
            }
            if (!answer.ok) return setText("sessions-note", await answer.text());
            byId("key-box").hidden = true;
            showSessions(await answer.json());
          } catch (error) {
            setText("sessions-note", `No answer: ${error.name === "TypeError" ? "the connection failed" : error.message}.`);
          }
        };
        byId("ask-sessions").addEventListener("click", askSessions);
        const useKey = () => { key = byId("key").value; byId("key").value = ""; askSessions(); };
        byId("use-key").addEventListener("click", useKey);
        byId("key").addEventListener("keydown", event => { if (event.key === "Enter") useKey(); });

        """#
}
