<?php
/**
 * The settings: one WordPress option with the host, where a switch is shown on every page, and the default attributes of switches.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

/** The same as in uninstall.php, which runs on its own. */
const OPTION = 'freespan_switch';

/**
 * The stored values, '' for those that are not stored.
 *
 * @return array<string, string>
 */
function settings(): array
{
    $stored = get_option(OPTION);
    $names = array_merge(['host', 'everywhere'], array_keys(attributes()));
    $known = array_intersect_key(is_array($stored) ? $stored : [], array_flip($names));
    return array_merge(array_fill_keys($names, ''), array_map('strval', array_filter($known, 'is_scalar')));
}

/** The host's base URL, with a slash at its end; '' while there is none, and then there is no switch. */
function host(): string
{
    $host = checked_host(settings()['host']);
    return is_wp_error($host) ? '' : $host;
}

/**
 * Where every page has a switch: layout => text.
 *
 * @return array<string, string>
 */
function everywhere(): array
{
    return [
        '' => __('Only where a block or a shortcode is', 'freespan-switch'),
        'floating' => __('In a corner of every page', 'freespan-switch'),
        'banner' => __('In a bar at the bottom of every page', 'freespan-switch'),
    ];
}

/** Register the option with WordPress's Settings API, which checks the nonce and that the user may manage options. */
function register_settings(): void
{
    register_setting(OPTION, OPTION, ['type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\checked_settings']);
    add_settings_fields();
}

/**
 * The valid part of what was sent. The rest stays as it is, and the page says so.
 *
 * @param mixed $sent
 * @return array<string, string>
 */
function checked_settings($sent): array
{
    $sent = is_array($sent) ? $sent : [];
    $now = settings();
    $new = ['host' => host_from($sent['host'] ?? '', $now['host'])];
    $where = $sent['everywhere'] ?? '';
    $new['everywhere'] = is_string($where) && isset(everywhere()[$where]) ? $where : $now['everywhere'];
    foreach (attributes() as $name => $rule) {
        $new[$name] = accepted($rule, $sent[$name] ?? '');
        if ($new[$name] === null) {
            $new[$name] = $now[$name];
            /* translators: 1: title of a setting, 2: how it should be */
            $message = sprintf(__('%1$s: this value is not valid. %2$s', 'freespan-switch'), $rule['title'], $rule['hint'] ?? '');
            add_settings_error(OPTION, $name, esc_html($message));
        }
    }
    return $new;
}

/** @param mixed $sent */
function host_from($sent, string $now): string
{
    if (!is_string($sent) || trim($sent) === '') {
        return '';
    }
    $host = checked_host($sent);
    if (!is_wp_error($host)) {
        return $host;
    }
    add_settings_error(OPTION, 'host', esc_html($host->get_error_message()));
    return $now;
}
