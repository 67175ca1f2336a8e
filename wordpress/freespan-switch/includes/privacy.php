<?php
/**
 * What the site's privacy policy should say, as a suggestion in WordPress's policy guide.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

function suggest_privacy_text(): void
{
    $host = host() === '' ? __('the host', 'freespan-switch') : (string) wp_parse_url(host(), PHP_URL_HOST);
    $sentences = [
        /* translators: %s: name of a server */
        sprintf(__('Pages of this site offer a switch with which visitors can help readers in censored networks. To show it, the browser loads files from %s, which sees the visitor\'s IP address as any web server does.', 'freespan-switch'), $host),
        /* translators: %s: name of a server */
        sprintf(__('Only after a visitor turns it on or tests it does the browser connect to the services of %s and to readers, who then see the visitor\'s IP address. It passes encrypted data between them, until it is turned off or the page is closed.', 'freespan-switch'), $host),
        __('This site is not told who the readers are. The choice and the counts are stored in the visitor\'s own browser, without cookies, and not by this site.', 'freespan-switch'),
    ];
    $text = '<p>' . implode('</p><p>', array_map('esc_html', $sentences)) . '</p>';
    wp_add_privacy_policy_content(__('freespan switch', 'freespan-switch'), wp_kses_post($text));
}
