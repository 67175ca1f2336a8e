// The attributes of the switch. A bad value is reported in the console, once, and the default is used.

/** Each with its values, the default first. */
const CHOICES = {
  layout: ["inline", "card", "banner", "floating"],
  theme: ["auto", "light", "dark", "page"],
  size: ["medium", "small", "large"],
};
/** Each with what it is where it is left out. */
const FLAGS = { globe: false, goodbye: false, remember: true, "run-when-hidden": true };
/** What pages and frameworks write for no, and for yes; a bare attribute is a yes. */
const NO = /^(no?|off|false|0|none|null|undefined)$/i;
const YES = /^(|y(es)?|on|true|1)$/i;
/** Each with default, minimum and maximum; the units are in the names. */
const NUMBERS = {
  capacity: [4, 1, 64],
  kilobits: [0, 0, 10_000_000],
  "megabytes-a-day": [0, 0, 10_000_000],
  "megabytes-a-month": [0, 0, 100_000_000],
};

/** Two different times. */
const HOURS = /^(?!(.+)-\1$)([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/;

export const ATTRIBUTES = [
  ...Object.keys(CHOICES),
  ...Object.keys(NUMBERS),
  ...Object.keys(FLAGS),
  "hours",
  "host",
  "lang",
  "label",
];

/** @type {Set<string>} */
const reported = new Set();

/** @param {Element} element @param {keyof typeof CHOICES} name @returns {string} */
export function choice(element, name) {
  const values = CHOICES[name];
  const value = element.getAttribute(name) ?? values[0] ?? "";
  return values.includes(value) ? value : bad(name, value, `is not one of ${values.join(", ")}`, values[0] ?? "");
}

/** @param {Element} element @param {keyof typeof FLAGS} name @returns {boolean} */
export function flag(element, name) {
  const value = element.getAttribute(name)?.trim();
  if (value === undefined || NO.test(value)) return value === undefined && FLAGS[name];
  return YES.test(value) || value === name || bad(name, value, "is neither yes nor no", true);
}

/** @param {Element} element @param {keyof typeof NUMBERS} name @returns {number} */
export function number(element, name) {
  const [usual = 0, min = 0, max = 0] = NUMBERS[name];
  const text = element.getAttribute(name)?.trim() ?? String(usual);
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : bad(name, text, `is not a whole number from ${min} to ${max}`, usual);
}

/** @param {Element} element @returns {string} */
export function hours(element) {
  const value = element.getAttribute("hours") ?? "";
  return !value || isHours(value) ? value : bad("hours", value, "is not of the form 22:00-06:00", "");
}

/** @param {unknown} text */
export function isHours(text) {
  return HOURS.test(String(text));
}

/** The host's URL, with a slash at its end. @param {Element} element @param {string} usual */
export function host(element, usual) {
  const value = element.getAttribute("host");
  if (!value) return usual;
  try {
    const url = new URL(value.endsWith("/") ? value : `${value}/`, document.baseURI);
    if (/^https?:$/.test(url.protocol)) return url.href;
  } catch {
    // reported below
  }
  return bad("host", value, "is not the URL of a host", usual);
}

/**
 * @template Value
 * @param {string} name @param {string} value @param {string} reason @param {Value} usual
 */
function bad(name, value, reason, usual) {
  const warning = `freespan-switch: ${name}="${value}" ${reason}`;
  if (!reported.has(warning)) console.warn(warning);
  reported.add(warning);
  return usual;
}
