// Finds the address of a host in whatever text somebody has pasted. Pure; the twin of wire/pasted_host.py, which says
// more. tests/vectors/pastes.json holds for both.

import { plainText } from "./text.js";

/**
 * What is wrong with a text: there is no address in it, it is an invite, it has several addresses, or one was changed on
 * its way.
 * @typedef {"none" | "invite" | "several" | "damaged"} Fault
 */
/** @typedef {{base: string, isPage: boolean}} Found */

const PAGES = String.raw`(?:embed/configure|switch\.js|headless\.js|embed|bridge|about|join|headless|self-test|globe)`;
const SCHEME = "[Hh][Tt][Tt][Pp][Ss]?";
const IN_PATH = "[A-Za-z0-9._~-]";
const NO_LETTER =
  String.raw`\x00-,/:-@\[-^\x60{-\xbf\xd7\xf7\u0589\u05be\u05c3\u05f3\u05f4\u060c\u061b\u061f\u06d4\u0964\u0965` +
  String.raw`\u0f01-\u0f14\u104a-\u104f\u1361-\u1368\u17d4-\u17da\u1800-\u180a\u2000-\u200b\u200e-\u206f\u2190-\u2bff` +
  String.raw`\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\ufe10-\ufe6b\uff5f-\uff65\ufffd\u{1f000}-\u{1faff}`;
const QUOTE = /[\u2018-\u201f\u2039\u203a\xab\xbb\u300c-\u300f`']/g;
const DISARMED = /[[(]([.:])[\])]|(?<![A-Za-z])hxxp(?=s?[[(]?:[\])]?\/\/)/gi;
const DOT_IN_WORDS = / ?[[({<] ?dot ?[\])}>] ?/gi;
const BACKWARDS = /[Hh][Tt][Tt][Pp][Ss]?:\\\\(?=[A-Za-z0-9[])[^\s"<>]{1,1000}/g;
const MISTYPED_SCHEME = /(?<![A-Za-z0-9])[Hh]?[Tt]{1,2}[Pp]([Ss]?)(?: ?[:;] ?\/{1,2}|\/\/)(?=[^\s/"<>])/g;
const ATTRIBUTE = /((?:src|href|host) ?= ?")([^"<]{1,1200})/g;
const BREAK = /\s+(?:[>|]\s*)*/g;
const LONG_LINE = /^((?:[>|]{0,9} ){0,9}[^\s]{60,2000})\n[>| ]{0,40}(?=[A-Za-z0-9._~/-])/gm;
const BEFORE_PAGE = new RegExp(
  String.raw`(://[^\s"<>:]{1,1000}(?::[0-9]{1,5}(?:/[^\s"<>:]{0,700})?)?)[\s>|]{1,40}(?=(?:${IN_PATH}{1,100}/|/)${PAGES}(?:[\s"<]|$))`,
  "g",
);
const WITHOUT_SCHEME = /(?<![:/A-Za-z0-9_])\/\/(?=[A-Za-z0-9[])/g;
const IDEOGRAPHIC_DOT = /(?<=[A-Za-z0-9])[\u3002\uff61](?=[A-Za-z0-9])/g;
const ADDRESS = new RegExp(
  String.raw`(?<scheme>${SCHEME})://(?!${SCHEME}:/)(?<user>[^\s/"<>@]{0,200}@)?(?<name>\[[0-9A-Fa-f:.]{2,45}\]|[^${NO_LETTER}]{1,300})` +
    String.raw`(?<port>:[0-9]{1,5})?(?<path>(?:/(?!${SCHEME}:)${IN_PATH}*)*)`,
  "gu",
);
const BARE = new RegExp(
  String.raw`(?<![A-Za-z0-9_\xc0-\u024f@./:-])(?<name>[Ll]ocalhost(?=[:/])|[0-9]{1,3}(?:\.[0-9]{1,3}){3}` +
    String.raw`|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,9}\.[A-Za-z]{2,24})` +
    String.raw`(?![A-Za-z0-9_\xc0-\u024f@-])(?<port>:[0-9]{1,5})?(?<path>(?:/${IN_PATH}*)*)`,
  "g",
);
// eslint-disable-next-line no-control-regex -- Latin
const WORD_BEHIND = /^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)[^\x00-\u024f]/;
const WRAPPER = /^(?:\/|[?#][^\s"<>()]{0,2000}?)https?:\/\//i;
const DAMAGE = /^(?:[\u2012-\u2015\u2e3a\u2e3b\ufe58][A-Za-z0-9_~/-]|\u2026)/;
const BLANK_IN_NAME = /^(?:[^./: ]*\. [a-z0-9]|[^/: ]*\. [a-z0-9-]{1,63}[./:][A-Za-z0-9]|[^/: ]* \. ?[a-z0-9])/;
const INVITE = /freespan[0-9]{1,4}_/i;
const PAGE = new RegExp(`/${PAGES}$`);
const DOTS = /\/\.{1,2}(?:\/|$)/;
const LOOPBACK = /^(?:localhost|127\..*)$/i;
const SOURCE_FILE = /\.(?:js|html?|php|txt|json|css|md|png)$/i;
const NUMBER_LAST = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;
const IPV4 = /^(?:(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])(?:\.(?!$)|$)){4}$/;
const ADDRESSES_MAX = 200;
const URL_MAX = 1024;

/**
 * The one host's base URL in a text, with a slash at its end; or what is wrong.
 * @param {string} text
 * @returns {{host: string} | {fault: Fault}}
 */
export function findHost(text) {
  const plain = mended(text);
  const hasInvite = INVITE.test(plain.replace(/\s+/g, ""));
  let { found, isDamaged } = addresses(plain);
  if (!found.length && !isDamaged && !hasInvite) ({ found, isDamaged } = bareAddresses(plain));
  const pages = found.filter(({ isPage }) => isPage);
  const all = new Set((pages.length ? pages : found).map(({ base }) => base));
  const bases = [...all].filter((base) => ![...all].some((other) => other !== base && other.startsWith(base)));
  const [host] = bases;
  if (bases.length > 1) return { fault: "several" };
  if (host === undefined) return { fault: isDamaged ? "damaged" : hasInvite ? "invite" : "none" };
  return { host };
}

/** A text with its addresses as they were before lines were broken. @param {string} text */
function mended(text) {
  const plain = plainText(text.replace(BACKWARDS, (address) => address.replaceAll("\\", "/")))
    .replace(QUOTE, '"')
    .replace(DOT_IN_WORDS, ".")
    .replace(DISARMED, (_, sign) => sign ?? "http")
    .replace(MISTYPED_SCHEME, "http$1://");
  return plain
    .replace(ATTRIBUTE, (_, name, value) => name + value.replace(BREAK, ""))
    .replace(LONG_LINE, "$1")
    .replace(BEFORE_PAGE, "$1")
    .replace(WITHOUT_SCHEME, "https://")
    .replace(IDEOGRAPHIC_DOT, ".");
}

/** The addresses in a text, and whether one of them was changed on its way. @param {string} plain */
function addresses(plain) {
  /** @type {Found[]} */
  const found = [];
  let isDamaged = false;
  for (const match of first(plain.matchAll(ADDRESS))) {
    const end = match.index + match[0].length;
    const behind = plain.slice(end, end + 2100);
    if (WRAPPER.test(behind) || INVITE.test(behind.split(/\s/, 1)[0] ?? "")) continue;
    const { scheme = "", user, ...parts } = match.groups ?? {};
    if (DAMAGE.test(behind) || hasBlankInName(parts, behind)) {
      isDamaged = true;
      continue;
    }
    const address = user ? undefined : checked(scheme, parts, plain.slice(Math.max(match.index - 1, 0), match.index));
    if (address) found.push(address);
  }
  return { found, isDamaged };
}

/** What is an address but for its scheme; in a text of one word, also one that is not Latin. @param {string} plain */
function bareAddresses(plain) {
  const found = [];
  let isDamaged = false;
  for (const match of first(plain.matchAll(BARE))) {
    const { groups: parts = {} } = match;
    const { name = "", path } = parts;
    if (hasBlankInName(parts, plain.slice(match.index + match[0].length, match.index + match[0].length + 100))) {
      isDamaged = true;
    } else if (path || !SOURCE_FILE.test(name)) found.push(checked(LOOPBACK.test(name) ? "http" : "https", parts, ""));
  }
  const word = plain.trim();
  // eslint-disable-next-line no-control-regex -- ASCII
  if (!found.length && /[^\x00-\x7f]/.test(word) && word.includes(".")) {
    const [match] = `https://${word}`.matchAll(ADDRESS);
    if (match?.[0] === `https://${word}`) found.push(checked("https", match.groups ?? {}, ""));
  }
  return { found: found.filter((each) => each !== undefined), isDamaged };
}

/** @param {Record<string, string>} parts @param {string} behind what follows them */
function hasBlankInName({ name = "", port = "", path = "" }, behind) {
  return BLANK_IN_NAME.test(name + port + path + behind);
}

/** @template Value @param {Iterable<Value>} values */
function* first(values) {
  let left = ADDRESSES_MAX;
  for (const value of values) {
    if (!left--) return;
    yield value;
  }
}

/**
 * The host of an address, or undefined if it cannot be one.
 * @param {string} scheme @param {Record<string, string>} parts @param {string} before the character before it
 * @returns {Found | undefined}
 */
function checked(scheme, { name = "", port = "", path = "" }, before) {
  const cut = WORD_BEHIND.exec(name)?.[1];
  const ends = before === "_" || before === "~" ? new RegExp(`[.${before}]+$`) : /\.+$/;
  let rest = cut === undefined ? withoutEnd(path, ends) : "";
  const isPage = PAGE.test(rest);
  rest = withoutEnd(rest.replace(PAGE, ""), /\/+$/);
  const host = hostName(withoutEnd(cut ?? name, /\.+$/));
  const ownPort = cut === undefined ? port : "";
  const number = Number(ownPort.slice(1));
  if (!host || DOTS.test(rest) || (ownPort && !(number > 0 && number < 65536))) return undefined;
  const base = `${scheme.toLowerCase()}://${host}${ownPort}${rest}`;
  return base.length > URL_MAX ? undefined : { base: `${base}/`, isPage };
}

/** @param {string} text @param {RegExp} end */
function withoutEnd(text, end) {
  // Such an expression would be tried from each character of a run.
  return end.test(text.slice(-1)) ? text.slice(0, text.length - ofEnd(text, end)) : text;
}

/** How many characters at the end of a text are of a kind. @param {string} text @param {RegExp} kind */
function ofEnd(text, kind) {
  let count = 0;
  while (count < text.length && kind.test(text.charAt(text.length - 1 - count))) count++;
  return count;
}

/** The name or address of a host in its ASCII form, or undefined. @param {string} name */
function hostName(name) {
  /** @type {string} */
  let host;
  try {
    host = new URL(`https://${name}`).hostname;
  } catch {
    return undefined;
  }
  if (name.startsWith("[")) return name.toLowerCase();
  // URL takes "127.1" for an address.
  if (NUMBER_LAST.test(name.toLowerCase())) return IPV4.test(name) ? name : undefined;
  const isName =
    host.length <= 253 && /[a-z0-9]/.test(host) && host.split(".").every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
  return isName ? host : undefined;
}
