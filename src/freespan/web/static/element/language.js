// The texts of the switch in the visitor's language (docs/languages.md). Only one file is loaded.

/** @typedef {{[key: string]: string | {[category: string]: string}}} Texts */
/** @typedef {{language: string, direction: string, texts: Texts}} Language */
/** @typedef {{language: string, locale: string}} Choice the file, and the locale of the digits */

export const LANGUAGES = "en zh-Hans zh-Hant ug bo fa ar ru my tr vi es fr de pt id hi ur be uk".split(" ");

const LOAD_SECONDS = 3;
/** @type {Language} */
const NOTHING = { language: "en", direction: "ltr", texts: {} };

/** The first of some language tags for which there is a file. @param {Iterable<string>} tags @returns {Choice} */
export function pick(tags) {
  for (const tag of tags) {
    try {
      const locale = new Intl.Locale(tag.replaceAll("_", "-"));
      const { language, script } = locale.maximize(); // of "und" it makes English
      const name = language === "zh" ? `zh-${script}` : language;
      if (locale.language !== "und" && LANGUAGES.includes(name)) return { language: name, locale: locale.toString() };
    } catch {
      // not a language
    }
  }
  return { language: "en", locale: "en" };
}

/** The closest `lang` or `xml:lang` around an element, then the languages of the browser. @param {Element} element */
export function languagesFor(element) {
  /** @type {Element | null | undefined} */
  let place = element;
  let tag;
  while (place && tag === undefined) {
    tag = place.getAttribute("lang") ?? place.getAttribute("xml:lang") ?? undefined;
    place = place.parentElement ?? /** @type {Partial<ShadowRoot>} */ (place.getRootNode()).host;
  }
  return [tag ?? "", ...navigator.languages];
}

/**
 * Built-in English if the file does not arrive in time.
 * @param {string} language one of LANGUAGES
 * @returns {Promise<Language>}
 */
export async function load(language) {
  try {
    const signal = AbortSignal.timeout?.(LOAD_SECONDS * 1000);
    const response = await fetch(new URL(`../languages/${language}.json`, import.meta.url), {
      credentials: "omit",
      signal,
    });
    const file = response.ok && (await response.json());
    if (file && file.language === language && file.texts) return file;
  } catch {
    // no network, too slow, no JSON, or the page's policy forbids it
  }
  return import("./built-in-english.js").then(
    ({ BUILT_IN }) => BUILT_IN,
    () => NOTHING,
  );
}

export class Strings {
  #texts;
  #numbers;
  /** @type {Intl.PluralRules | undefined} */
  #plurals;

  /** @param {Language} file @param {string} locale of the digits @param {Texts} own texts to use instead */
  constructor(file = NOTHING, locale = file.language, own = {}) {
    this.language = file.language;
    this.direction = file.direction;
    this.#texts = { ...file.texts, ...own };
    const isOfFile = locale.split("-")[0] === file.language.split("-")[0];
    this.#numbers = new Intl.NumberFormat(isOfFile ? locale : file.language);
    // For a language without plural rules, a browser would take those of its own.
    if (Intl.PluralRules.supportedLocalesOf(file.language).length) this.#plurals = new Intl.PluralRules(file.language);
  }

  /**
   * The text of a key, empty if there is none; `n` selects the plural form.
   * @param {string} key
   * @param {Record<string, number | string>} values
   */
  get(key, values = {}) {
    const forms = this.#texts[key] ?? "";
    const category = this.#plurals?.select(Number(values.n)) ?? "other";
    const text = typeof forms === "string" ? forms : (forms[category] ?? forms.other ?? "");
    return text.replace(/{(\w+)}/g, (whole, name) => {
      const value = values[name];
      return typeof value === "number" ? this.number(value) : (value ?? whole);
    });
  }

  /** @param {number} n */
  number(n) {
    return this.#numbers.format(n);
  }
}
