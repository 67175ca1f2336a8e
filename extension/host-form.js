// The form for the host. To trust another host is another decision, so a change turns the switch off.

import { HostError, checkHost, hostOf } from "./host.js";
import { readSettings, writeSettings } from "./settings.js";
import { rememberChoice } from "./static/volunteer/memory.js";

/**
 * @param {HTMLFormElement} form an empty one
 * @param {import("./static/element/language.js").Strings} strings
 * @param {() => void} [saved]
 */
export function fillHostForm(form, strings, saved = () => {}) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const help = document.createElement("p");
  const note = document.createElement("p");
  const button = document.createElement("button");
  label.textContent = strings.get("host");
  Object.assign(input, {
    id: "host-input",
    value: readSettings().host,
    spellcheck: false,
    autocomplete: "off",
    dir: "ltr",
  });
  label.htmlFor = input.id;
  Object.assign(help, { id: "host-help", className: "note", textContent: strings.get("host_help") });
  Object.assign(note, { id: "host-note", className: "note" });
  note.setAttribute("role", "status");
  input.setAttribute("aria-describedby", `${help.id} ${note.id}`);
  Object.assign(button, { className: "main", textContent: strings.get("save") });
  form.replaceChildren(label, help, input, note, button);
  form.noValidate = true;

  /** @param {string} key @param {boolean} wrong */
  const show = (key, wrong) => {
    note.textContent = strings.get(key);
    note.classList.toggle("wrong", wrong);
    input.setAttribute("aria-invalid", String(wrong));
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      const host = hostOf(input.value);
      await checkHost(host);
      if (host !== readSettings().host) {
        rememberChoice(false, new Date());
        writeSettings({ host, consented: false });
      }
      input.value = host;
      show("saved", false);
      saved();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      show(error.key, true);
      input.focus();
    } finally {
      button.disabled = false;
    }
  });
}
