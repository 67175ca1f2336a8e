// Text as people paste it out of messengers, mail and documents, with everything undone that those do to it. Pure; the
// twin of wire/pasted_text.py, which says more. tests/vectors/pastes.json holds for both.

/** @type {Record<string, string>} */
const ENTITIES = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", ensp: " ", emsp: " ", thinsp: " " },
  ...{ shy: "", zwnj: "", zwj: "", lrm: "", rlm: "", hyphen: "-", dash: "-", ndash: "\u2013", mdash: "\u2014" },
  ...{ minus: "-", lowbar: "_", period: ".", colon: ":", sol: "/", comma: ",", num: "#", equals: "=", quest: "?" },
  ...{ excl: "!", lpar: "(", rpar: ")", hellip: "\u2026", lsquo: "'", rsquo: "'", ldquo: '"', rdquo: '"' },
  ...{ laquo: '"', raquo: '"', ZeroWidthSpace: "", NoBreak: "", Tab: " ", NewLine: "\n" },
};
const ENTITY = /&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z]{2,14}));/g;
const SOFT_BREAK = /=[ \t]{0,8}(?:\r\n|\r|\n)/g;
const QUOTED_PRINTABLE = /(?:=[0-9A-F]{2})+/g;
const PERCENT = /(?:%(?:25){0,4}[0-9A-Fa-f]{2})+/g;
const OF_JSON = /\\u([0-9A-Fa-f]{4})/g;
const BREAK_OF_JSON = /\\[nrt]|\\(?:\r\n|\r|\n)/g;
const BACKSLASH = /\\(?=[!-/:-@[-`{-~])/g;
// eslint-disable-next-line no-control-regex -- what a terminal puts around a text that is pasted
const OF_TERMINALS = /\x1b\[[0-9;?]{0,16}[@-~]/g;
const LINE_END = /\r\n|[\r\v\f\x85\u2028\u2029]/g;
const BLANK = /[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]/g;
const INVISIBLE =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class -- to be left out
  /[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
// eslint-disable-next-line no-control-regex -- ASCII
const JOINER = /(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])/g;
const HYPHEN = /[\u2010\u2011\u2212\ufe63]/g;
const FULL_WIDTH = /[\uff01-\uff5e]/g;

/** @param {string} text */
export function plainText(text) {
  let plain = text.replace(OF_TERMINALS, "").replace(SOFT_BREAK, "");
  plain = plain.replace(QUOTED_PRINTABLE, (found) => ofBytes(found.split("=")));
  plain = plain.replace(ENTITY, unescaped).replace(ENTITY, unescaped);
  plain = plain.replace(OF_JSON, (_, code) => String.fromCharCode(parseInt(code, 16)));
  plain = plain.replace(BREAK_OF_JSON, " ").replace(BACKSLASH, "");
  plain = plain.replace(PERCENT, (found) => ofBytes(found.split("%")));
  plain = plain.replace(LINE_END, "\n").replace(BLANK, " ").replace(INVISIBLE, "").replace(JOINER, "");
  return plain.replace(FULL_WIDTH, (letter) => String.fromCharCode(letter.charCodeAt(0) - 0xfee0)).replace(HYPHEN, "-");
}

/** The text of bytes, each of them the last two digits of a part. @param {string[]} parts */
function ofBytes(parts) {
  const bytes = parts.slice(1).map((part) => parseInt(part.slice(-2), 16));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
}

/** @param {string} found @param {string} [decimal] @param {string} [hexadecimal] @param {string} [name] */
function unescaped(found, decimal, hexadecimal, name) {
  if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? /** @type {string} */ (ENTITIES[name]) : found;
  const code = decimal === undefined ? parseInt(hexadecimal ?? "", 16) : Number(decimal);
  return code > 0 && code < 0x110000 ? String.fromCodePoint(code) : "";
}
