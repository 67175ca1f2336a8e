// Where the user says whom to work for. Another host is another question of trust, so it turns the switch off.

import { HostError, checkHost, hostOf } from "./host.js";
import { readSettings, writeSettings } from "./settings.js";
import { rememberChoice } from "./static/volunteer/memory.js";

/**
 * @param {HTMLFormElement} form an empty one
 * @param {import("./static/element/language.js").Words} words
 * @param {() => void} [saved]
 */
export function fillHostForm(form, words, saved = () => {}) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const help = document.createElement("p");
  const note = document.createElement("p");
  const button = document.createElement("button");
  label.textContent = words.say("host");
  Object.assign(input, {
    id: "host-input",
    value: readSettings().host,
    spellcheck: false,
    autocomplete: "off",
    dir: "ltr",
  });
  label.htmlFor = input.id;
  Object.assign(help, { id: "host-help", className: "note", textContent: words.say("host_help") });
  Object.assign(note, { id: "host-note", className: "note" });
  note.setAttribute("role", "status");
  input.setAttribute("aria-describedby", `${help.id} ${note.id}`);
  Object.assign(button, { className: "main", textContent: words.say("save") });
  form.replaceChildren(label, help, input, note, button);
  form.noValidate = true;

  /** @param {string} key @param {boolean} wrong */
  const say = (key, wrong) => {
    note.textContent = words.say(key);
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
      say("saved", false);
      saved();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      say(error.key, true);
      input.focus();
    } finally {
      button.disabled = false;
    }
  });
}
