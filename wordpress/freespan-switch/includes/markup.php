<?php
/**
 * What visitors get: the element, and the host's script on pages that have one. No other file writes HTML for them.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

const SCRIPT = 'freespan-switch';

/**
 * What tells plugins and services that rewrite pages, and consent tools, to leave the script alone; as in the lines that a host's
 * configurator writes (lines.js there says whose words these are). Rocket Loader wants its own in front of `src`.
 */
const LEFT_ALONE = [
    'data-cfasync' => 'false',
    'data-no-optimize' => '1',
    'data-no-defer' => '1',
    'data-no-minify' => '1',
    'data-noptimize' => '1',
    'data-nowprocket' => '1',
    'data-pagespeed-no-defer' => '1',
    'data-jetpack-boost' => 'ignore',
    'data-cookieconsent' => 'ignore',
    'data-ot-ignore' => '1',
    'data-cookieyes' => 'cookieyes-necessary',
    'data-cmp-ab' => '1',
];

/**
 * The HTML of one switch, whose script is enqueued; '' while there is no host, and in feeds, where no script runs.
 *
 * @param array<string, mixed> $wanted attributes by name; what is left out is as in the settings
 */
function switch_markup(array $wanted): string
{
    $host = host();
    if ($host === '' || is_feed()) {
        return '';
    }
    // Without a version: the host decides how long its script may be cached.
    wp_enqueue_script(SCRIPT, $host . 'switch.js', [], null, true);
    $markup = '<freespan-switch';
    $settings = settings();
    foreach (attributes() as $name => $rule) {
        $value = accepted($rule, $wanted[$name] ?? '');
        if ($value === null || $value === '') {
            // Checked again, since other plugins may write options as well.
            $value = (string) accepted($rule, $settings[$name]);
        }
        if ($value !== '' && $value !== default_of($rule)) {
            $markup .= ' ' . $name . (empty($rule['bare']) ? '="' . esc_attr($value) . '"' : '');
        }
    }
    return $markup . '></freespan-switch>' . note_for_authors($wanted);
}

/**
 * A note about attributes that were left out because they are invalid. Only those who may edit posts see it.
 *
 * @param array<string, mixed> $wanted
 */
function note_for_authors(array $wanted): string
{
    $rules = attributes();
    $bad = array_filter(array_keys($wanted), function ($name) use ($wanted, $rules) {
        return accepted($rules[$name] ?? null, $wanted[$name]) === null;
    });
    if (!$bad || !current_user_can('edit_posts')) {
        return '';
    }
    /* translators: %s: names of attributes */
    $note = __('Left out of the freespan switch, because there is no such attribute or value: %s. Only authors see this.', 'freespan-switch');
    return ' <small>' . esc_html(sprintf($note, implode(', ', $bad))) . '</small>';
}

/**
 * [freespan layout="card" globe]
 *
 * @param array<int|string, string>|string $given a string if there are none
 */
function shortcode($given): string
{
    $wanted = [];
    foreach (is_array($given) ? $given : [] as $name => $value) {
        // [freespan globe] arrives as a number with the value "globe"
        if (is_int($name)) {
            $wanted[$value] = 'yes';
        } else {
            $wanted[$name] = $value;
        }
    }
    return switch_markup($wanted);
}

function print_switch_of_every_page(): void
{
    $layout = settings()['everywhere'];
    // One is enough: a switch in the page has enqueued the script.
    if ($layout === '' || !isset(everywhere()[$layout]) || wp_script_is(SCRIPT)) {
        return;
    }
    // phpcs:ignore WordPress.Security.EscapeOutput -- escaped where it is made
    echo switch_markup(['layout' => $layout]);
}

/** The script is a module, which WordPress supports only since 6.5. */
function as_module(string $tag, string $handle, string $source): string
{
    $named = ['src' => $source, 'id' => SCRIPT . '-js'];
    return $handle === SCRIPT ? wp_get_script_tag(['type' => 'module'] + LEFT_ALONE + $named) : $tag;
}
