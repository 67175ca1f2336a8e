<?php
/**
 * Finds the address of a host in whatever text somebody has pasted. The twin of the host's own code (pasted_text.py and pasted_host.py,
 * which say more): tests/vectors/pastes.json holds for both.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

/** Bytes; nobody pastes more, and regular expressions have limits of their own. */
const PASTE_MAX = 100000;
const ADDRESSES_MAX = 200;

const INVISIBLE = '/[\x00-\x08\x0e-\x1f\x7f-\x{9f}\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}\x{200e}\x{200f}'
    . '\x{202a}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{fe00}-\x{fe0f}\x{feff}\x{ffa0}\x{fff0}-\x{fffb}\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}]/u';
const PAGES = '(?:embed/configure|switch\.js|headless\.js|embed|bridge|about|join|headless|self-test|globe)';
const SCHEME = '[Hh][Tt][Tt][Pp][Ss]?';
const IN_PATH = '[A-Za-z0-9._\~-]';
/** What ends a name: blanks, punctuation and signs of all scripts. */
const NO_LETTER = '\x00-,/:-@\[-^`{-\x{bf}\x{d7}\x{f7}\x{589}\x{5be}\x{5c3}\x{5f3}\x{5f4}\x{60c}\x{61b}\x{61f}\x{6d4}\x{964}\x{965}'
    . '\x{f01}-\x{f14}\x{104a}-\x{104f}\x{1361}-\x{1368}\x{17d4}-\x{17da}\x{1800}-\x{180a}\x{2000}-\x{200b}\x{200e}-\x{206f}\x{2190}-\x{2bff}'
    . '\x{2e00}-\x{2e7f}\x{3000}-\x{3004}\x{3008}-\x{3020}\x{3030}\x{fe10}-\x{fe6b}\x{ff5f}-\x{ff65}\x{fffd}\x{1f000}-\x{1faff}';
const ADDRESS = '(' . SCHEME . ')://(?!' . SCHEME . ':/)([^\s/"<>@]{0,200}@)?(\[[0-9A-Fa-f:.]{2,45}\]|[^' . NO_LETTER . ']{1,300})(:[0-9]{1,5})?'
    . '((?:/(?!' . SCHEME . ':)' . IN_PATH . '*+)*+)';
const BLANK_IN_NAME = '~^(?:[^./: ]*\. [a-z0-9]|[^/: ]*\. [a-z0-9-]{1,63}[./:][A-Za-z0-9]|[^/: ]* \. ?[a-z0-9])~';

/**
 * The base URL of the one host in a text, with a slash at its end; or what is wrong: 'none' (there is no address), 'invite' (it is an
 * invite), 'several' (addresses that differ) or 'damaged' (an address was changed on its way).
 *
 * @return array{host?: string, fault?: string}
 */
function find_host(string $text): array
{
    $plain = strlen($text) > PASTE_MAX ? '' : mended($text);
    $has_invite = preg_match('/freespan[0-9]{1,4}_/i', (string) preg_replace('/\s+/', '', $plain)) === 1;
    [$found, $is_damaged] = addresses($plain);
    if (!$found && !$is_damaged && !$has_invite) {
        [$found, $is_damaged] = bare_addresses($plain);
    }
    // Those of pages come first: the line for pages may stand in a text with other addresses.
    $all = array_keys(array_filter($found) ?: $found);
    $bases = array_filter($all, function ($base) use ($all) {
        return !array_filter($all, function ($other) use ($base) {
            return $other !== $base && strpos($other, $base) === 0;
        });
    });
    if (count($bases) > 1) {
        return ['fault' => 'several'];
    }
    if ($bases) {
        return ['host' => current($bases)];
    }
    return ['fault' => $is_damaged ? 'damaged' : ($has_invite ? 'invite' : 'none')];
}

/** Undo what messengers, mail, editors and markup have done to a text. */
function plain_text(string $text): string
{
    $text = mb_convert_encoding($text, 'UTF-8', 'UTF-8');
    $text = preg_replace(['/\x1b\[[0-9;?]{0,16}[@-\~]/', '/=[ \t]{0,8}(?:\r\n|\r|\n)/'], '', $text);
    $text = preg_replace_callback('/(?:=[0-9A-F]{2})++/', __NAMESPACE__ . '\of_bytes', $text);
    foreach ([1, 2] as $_) {
        $text = preg_replace_callback('/&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z]{2,14}));/', __NAMESPACE__ . '\unescaped', $text);
    }
    $text = preg_replace_callback('/\\\\u([0-9A-Fa-f]{4})/', function ($found) {
        return (string) mb_chr(hexdec($found[1]));
    }, $text);
    $text = preg_replace('/\\\\[nrt]|\\\\(?:\r\n|\r|\n)/', ' ', $text);
    $text = preg_replace('/\\\\(?=[!-\/:-@\[-`{-\~])/', '', $text);
    $text = preg_replace_callback('/(?:%(?:25){0,4}[0-9A-Fa-f]{2})++/', __NAMESPACE__ . '\of_bytes', $text);
    $text = preg_replace('/\r\n|[\r\x{85}\x{2028}\x{2029}\x0b\x0c]/u', "\n", $text);
    $text = preg_replace('/[\t\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{2800}\x{3000}]/u', ' ', $text);
    $text = preg_replace([INVISIBLE, '/(?<![^\x00-\x7f])[\x{200c}\x{200d}]|[\x{200c}\x{200d}](?![^\x00-\x7f])/u'], '', $text);
    $text = preg_replace_callback('/[\x{ff01}-\x{ff5e}]/u', function ($found) {
        return chr(mb_ord($found[0]) - 0xFEE0);
    }, $text);
    return (string) preg_replace('/[\x{2010}\x{2011}\x{2212}\x{fe63}]/u', '-', $text);
}

/**
 * The text of bytes that are written in hexadecimal digits, each behind a sign.
 *
 * @param string[] $found
 */
function of_bytes(array $found): string
{
    $bytes = '';
    foreach (array_slice(preg_split('/[=%]/', $found[0]), 1) as $part) {
        $bytes .= chr(hexdec(substr($part, -2)));
    }
    return mb_convert_encoding($bytes, 'UTF-8', 'UTF-8');
}

/** @param string[] $found */
function unescaped(array $found): string
{
    if (isset($found[3])) {
        return html_entity_decode($found[0], ENT_QUOTES | ENT_HTML5, 'UTF-8');
    }
    $code = $found[1] !== '' ? (int) $found[1] : hexdec($found[2]);
    return $code > 0 && $code < 0x110000 ? (string) mb_chr($code) : '';
}

/** A text with its addresses as they were before lines were broken. */
function mended(string $text): string
{
    // What people write who know the paths of Windows: https:\\a.example\garden
    $text = preg_replace_callback('/https?:\\\\\\\\(?=[a-z0-9\[])[^\s"<>]{1,1000}/i', function ($found) {
        return strtr($found[0], '\\', '/');
    }, $text);
    $plain = preg_replace('/[\x{2018}-\x{201f}\x{2039}\x{203a}\x{ab}\x{bb}\x{300c}-\x{300f}`\']/u', '"', plain_text($text));
    $plain = preg_replace('/ ?[\[({<] ?dot ?[\])}>] ?/i', '.', $plain);
    // Written so that nobody follows it by mistake: hxxps[:]//a[.]example
    $plain = preg_replace_callback('/[\[(]([.:])[\])]|(?<![A-Za-z])hxxp(?=s?[\[(]?:[\])]?\/\/)/i', function ($found) {
        return $found[1] ?? 'http';
    }, $plain);
    $plain = preg_replace('~(?<![a-z0-9])h?t{1,2}p(s?)(?: ?[:;] ?/{1,2}|//)(?=[^\s/"<>])~i', 'http$1://', $plain);
    $plain = preg_replace_callback('/((?:src|href|host) ?= ?")([^"<]{1,1200})/', function ($found) {
        return $found[1] . preg_replace('/\s+(?:[>|]\s*)*/', '', $found[2]);
    }, $plain);
    $page = IN_PATH . '{1,100}/|/)' . PAGES;
    $changes = [
        '/^((?:[>|]{0,9} ){0,9}[^\s]{60,2000})\n[>| ]{0,40}(?=[A-Za-z0-9._\~\/-])/mu' => '$1',
        '~(://[^\s"<>:]{1,1000}(?::[0-9]{1,5}(?:/[^\s"<>:]{0,700})?)?)[\s>|]{1,40}(?=(?:' . $page . '(?:[\s"<]|\z))~' => '$1',
        '~(?<![:/A-Za-z0-9_])//(?=[A-Za-z0-9\[])~' => 'https://',
        '/(?<=[A-Za-z0-9])[\x{3002}\x{ff61}](?=[A-Za-z0-9])/u' => '.',
    ];
    return (string) preg_replace(array_keys($changes), array_values($changes), $plain);
}

/**
 * The addresses in a text (base URL => whether it was that of a page), and whether one of them was changed on its way.
 *
 * @return array{array<string, bool>, bool}
 */
function addresses(string $plain): array
{
    preg_match_all('~' . ADDRESS . '~u', $plain, $matches, PREG_SET_ORDER | PREG_OFFSET_CAPTURE);
    $found = [];
    $is_damaged = false;
    foreach (array_slice($matches, 0, ADDRESSES_MAX) as $match) {
        [[$whole, $start], [$scheme], [$user], [$name], $port, $path] = $match + [4 => [''], 5 => ['']];
        $behind = substr($plain, $start + strlen($whole), 2100);
        $leads_on = preg_match('~^(?:/|[?#][^\s"<>()]{0,2000}?)https?://~i', $behind);
        if ($leads_on || preg_match('/^\S*?freespan[0-9]{1,4}_/i', $behind)) {
            continue;
        }
        $has_dash = preg_match('/^(?:\x{2026}|[\x{2012}-\x{2015}\x{2e3a}\x{2e3b}\x{fe58}][A-Za-z0-9_\~\/-])/u', mb_strcut($behind, 0, 9));
        if ($has_dash || preg_match(BLANK_IN_NAME, "$name$port[0]$path[0]$behind")) {
            $is_damaged = true;
            continue;
        }
        if ($user === '') {
            add_address($found, $scheme, [$name, $port[0], $path[0]], $start > 0 ? $plain[$start - 1] : '');
        }
    }
    return [$found, $is_damaged];
}

/**
 * What is an address but for its scheme; in a text of one word, also one that is not Latin.
 *
 * @return array{array<string, bool>, bool} as of addresses()
 */
function bare_addresses(string $plain): array
{
    $form = '~(?<![A-Za-z0-9_\x{c0}-\x{24f}@./:-])([Ll]ocalhost(?=[:/])|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,9}\.[A-Za-z]{2,24})'
        . '(?![A-Za-z0-9_\x{c0}-\x{24f}@-])(:[0-9]{1,5})?((?:/' . IN_PATH . '*+)*+)~u';
    preg_match_all($form, $plain, $matches, PREG_SET_ORDER | PREG_OFFSET_CAPTURE);
    $found = [];
    $is_damaged = false;
    foreach (array_slice($matches, 0, ADDRESSES_MAX) as $match) {
        [[, $start], [$name], [$port], [$path]] = $match + [2 => [''], 3 => ['']];
        if (preg_match(BLANK_IN_NAME, substr($plain, $start, 1500))) {
            $is_damaged = true;
        } elseif ($path !== '' || !preg_match('/\.(?:js|html?|php|txt|json|css|md|png)$/Di', $name)) {
            $is_here = preg_match('/^(?:localhost|127\..*)$/Di', $name);
            add_address($found, $is_here ? 'http' : 'https', [$name, $port, $path], '');
        }
    }
    $word = trim($plain);
    if (!$found && preg_match('/[^\x00-\x7f]/', $word) && strpos($word, '.') && preg_match('~^' . ADDRESS . '$~uD', "https://$word", $match)) {
        [, , , $name, $port, $path] = $match + [4 => '', 5 => ''];
        add_address($found, 'https', [$name, $port, $path], '');
    }
    return [$found, $is_damaged];
}

/**
 * Add the host of an address, if it can be one.
 *
 * @param array<string, bool> $found
 * @param array{string, string, string} $parts name, port with its colon, path
 * @param string $before the byte before the address: a mark of emphasis is at its end too
 */
function add_address(array &$found, string $scheme, array $parts, string $before): void
{
    [$name, $port, $path] = $parts;
    if (preg_match('/^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)[^\x00-\x{24f}]/u', $name, $cut)) {
        // A word of another script that was written behind the name without a blank.
        [$name, $port, $path] = [$cut[1], '', ''];
    }
    $name = host_name(rtrim($name, '.'));
    $path = rtrim($path, $before === '_' || $before === '~' ? ".$before" : '.');
    $base = rtrim(preg_replace('~/' . PAGES . '$~D', '', $path, 1, $is_page), '/');
    $number = (int) substr($port, 1);
    if ($name === '' || preg_match('~/\.{1,2}(?:/|$)~D', $base) || ($port !== '' && ($number < 1 || $number > 65535))) {
        return;
    }
    $url = strtolower($scheme) . "://$name$port$base";
    if (strlen($url) <= HOST_MAX) {
        $found["$url/"] = ($found["$url/"] ?? false) || $is_page;
    }
}

/** The name or address of a host in its ASCII form, '' for none. */
function host_name(string $name): string
{
    if (strpos($name, '[') === 0) {
        $is_address = filter_var(trim($name, '[]'), FILTER_VALIDATE_IP, FILTER_FLAG_IPV6);
        return $is_address === false ? '' : strtolower($name);
    }
    $name = in_ascii(mb_strtolower($name));
    if (preg_match('/(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/D', $name)) {
        return filter_var($name, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4) === false ? '' : $name;
    }
    return preg_match('/^(?=.{1,253}$)(?=.*[a-z0-9])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/D', $name) ? $name : '';
}

/** A name by IDNA: by PHP's extension intl, which not every site has, or by WordPress's own library. '' for none. */
function in_ascii(string $name): string
{
    if (!preg_match('/[^\x00-\x7f]/', $name)) {
        return $name;
    }
    if (function_exists('idn_to_ascii')) {
        return (string) idn_to_ascii($name);
    }
    foreach (['\WpOrg\Requests\IdnaEncoder', '\Requests_IDNAEncoder'] as $encoder) {  // since WordPress 6.2, and before
        if (class_exists($encoder)) {
            try {
                return $encoder::encode($name);
            } catch (\Exception $error) {
                return '';
            }
        }
    }
    return '';
}
