<?php
/**
 * The attributes of <freespan-switch> that settings, shortcodes and blocks can set, and their values.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

const LABEL_MAX = 80;
const KILOBITS_MAX = 10000000;
const MEGABYTES_A_DAY_MAX = 10000000;
const MEGABYTES_A_MONTH_MAX = 100000000;

/**
 * The only list of attributes. `host` is not in it, because the owner of the site decides in the settings which server the browsers
 * of visitors connect to, and authors do not.
 *
 * Each has a `title`, an optional `hint`, an optional text for what `empty` means in the settings, and one of these:
 * - `choices`: value => text, the element's default first; with `bare`, "yes" is the attribute without a value, and "no" leaves it out;
 * - `min` and `max`: an integer, whose default in the element is `default`;
 * - `pattern`: a regular expression;
 * - `max_length`: any text, up to that many characters.
 *
 * @return array<string, array<string, mixed>>
 */
function attributes(): array
{
    $no_yes = ['no' => __('No', 'freespan-switch'), 'yes' => __('Yes', 'freespan-switch')];
    $yes_no = array_reverse($no_yes);
    return [
        'layout' => [
            'title' => __('Layout', 'freespan-switch'),
            'choices' => [
                'inline' => __('Inline: a pill in the text', 'freespan-switch'),
                'card' => __('Card: with a text about what it does', 'freespan-switch'),
                'banner' => __('Banner: a bar at the bottom of the window', 'freespan-switch'),
                'floating' => __('Floating: in a corner of the window', 'freespan-switch'),
            ],
        ],
        'theme' => [
            'title' => __('Theme', 'freespan-switch'),
            'choices' => [
                'auto' => __('Light or dark, as in the visitor\'s system', 'freespan-switch'),
                'light' => __('Light', 'freespan-switch'),
                'dark' => __('Dark', 'freespan-switch'),
                'page' => __('The colours and the font of the page', 'freespan-switch'),
            ],
        ],
        'size' => [
            'title' => __('Size', 'freespan-switch'),
            'choices' => [
                'medium' => __('Medium', 'freespan-switch'),
                'small' => __('Small', 'freespan-switch'),
                'large' => __('Large', 'freespan-switch'),
            ],
        ],
        'lang' => [
            'title' => __('Language', 'freespan-switch'),
            'hint' => __('A language tag, like fr or zh-Hant.', 'freespan-switch'),
            'empty' => __('Empty: that of the page.', 'freespan-switch'),
            'pattern' => '/^[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}$/Di',
        ],
        'label' => [
            'title' => __('Title', 'freespan-switch'),
            'empty' => __('Empty: the switch\'s own title.', 'freespan-switch'),
            'max_length' => LABEL_MAX,
        ],
        'globe' => [
            'title' => __('Globe', 'freespan-switch'),
            'hint' => __('Shows in which countries readers are being helped, where there is space for it.', 'freespan-switch'),
            'choices' => $no_yes,
            'bare' => true,
        ],
        'goodbye' => [
            'title' => __('Goodbye', 'freespan-switch'),
            'hint' => __('Asks visitors who are about to leave, at most once a month.', 'freespan-switch'),
            'choices' => $no_yes,
            'bare' => true,
        ],
        'remember' => [
            'title' => __('Remember the choice', 'freespan-switch'),
            'hint' => __('In the visitor\'s own browser, without a cookie.', 'freespan-switch'),
            'choices' => $yes_no,
        ],
        'run-when-hidden' => [
            'title' => __('Keep running in a hidden tab', 'freespan-switch'),
            'choices' => $yes_no,
        ],
        'capacity' => [
            'title' => __('Readers at a time', 'freespan-switch'),
            'hint' => __('1 to 64.', 'freespan-switch'),
            'empty' => __('Empty: 4.', 'freespan-switch'),
            'min' => 1,
            'max' => 64,
            'default' => 4,
        ],
        'kilobits' => [
            'title' => __('Speed limit (kbit/s)', 'freespan-switch'),
            'hint' => __('Both directions together; 0 is no limit.', 'freespan-switch'),
            'min' => 0,
            'max' => KILOBITS_MAX,
            'default' => 0,
        ],
        'megabytes-a-day' => [
            'title' => __('Limit for a day (MB)', 'freespan-switch'),
            'hint' => __('For each visitor; 0 is no limit.', 'freespan-switch'),
            'min' => 0,
            'max' => MEGABYTES_A_DAY_MAX,
            'default' => 0,
        ],
        'megabytes-a-month' => [
            'title' => __('Limit for a month (MB)', 'freespan-switch'),
            'hint' => __('For each visitor; 0 is no limit.', 'freespan-switch'),
            'min' => 0,
            'max' => MEGABYTES_A_MONTH_MAX,
            'default' => 0,
        ],
        'hours' => [
            'title' => __('Hours', 'freespan-switch'),
            'hint' => __('Like 22:00-06:00, in the visitor\'s time.', 'freespan-switch'),
            'empty' => __('Empty: at any time.', 'freespan-switch'),
            // From a time until the same time is refused.
            'pattern' => '/^(?!(.{5})-\1$)([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/D',
        ],
    ];
}

/**
 * The value in its canonical form, '' for none, or null if it is not allowed.
 *
 * @param array<string, mixed>|null $rule of the attribute; null if there is no such attribute
 * @param mixed $value anything, from an author, a form or the database
 */
function accepted(?array $rule, $value): ?string
{
    if ($rule === null || !is_scalar($value)) {
        return null;
    }
    $text = trim((string) $value);
    if ($text === '') {
        return '';
    }
    if (isset($rule['choices'])) {
        $choice = isset($rule['choices']['yes']) ? yes_or_no($text) : $text;
        return isset($rule['choices'][$choice]) ? $choice : null;
    }
    if (isset($rule['min'])) {
        $fits = preg_match('/^\d{1,9}$/D', $text) && $text >= $rule['min'] && $text <= $rule['max'];
        return $fits ? (string) (int) $text : null;
    }
    if (isset($rule['pattern'])) {
        return preg_match($rule['pattern'], $text) ? $text : null;
    }
    return mb_substr(sanitize_text_field($text), 0, $rule['max_length']);
}

/** "yes" or "no" for what people write instead, as the element reads it; any other text as it is. */
function yes_or_no(string $text): string
{
    $word = strtolower($text);
    if (in_array($word, ['no', 'n', 'off', 'false', '0', 'none', 'null', 'undefined'], true)) {
        return 'no';
    }
    return in_array($word, ['yes', 'y', 'on', 'true', '1'], true) ? 'yes' : $text;
}

/**
 * The value that the element uses without the attribute.
 *
 * @param array<string, mixed> $rule
 */
function default_of(array $rule): string
{
    return isset($rule['choices']) ? (string) array_key_first($rule['choices']) : (string) ($rule['default'] ?? '');
}
