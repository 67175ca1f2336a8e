<?php
/**
 * The host: the server that the switch comes from, and for which the browsers of visitors who turn it on are bridges.
 */

namespace FreespanSwitch;

use WP_Error;

defined('ABSPATH') || exit;

const HOST_MAX = 1000;

/**
 * A host's base URL, with a slash at its end, or an error that says why there is none. It is found in whatever was pasted: the address of
 * the host or of one of its pages, or the whole line for pages that `freespan serve` prints, with a message around it.
 *
 * @return string|WP_Error
 */
function checked_host(string $text)
{
    $found = find_host($text);
    if (!isset($found['host'])) {
        return new WP_Error($found['fault'] === 'none' ? 'form' : $found['fault'], fault_message($found['fault']));
    }
    // Strict on purpose: what it accepts needs no escaping anywhere, though it is escaped all the same.
    $form = '~^(https?)://([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?|\[[0-9a-f:.]+\])(:\d{1,5})?(/[a-z0-9._\~-]+)*/$~Di';
    if (!preg_match($form, $found['host'], $part)) {
        return new WP_Error('form', fault_message('none'));
    }
    if (strtolower($part[1]) !== 'https' && !is_loopback(strtolower($part[2]))) {
        return new WP_Error(
            'scheme',
            __('The address of the host must begin with https://. Only a host on this computer may do without.', 'freespan-switch')
        );
    }
    return $found['host'];
}

/** What is wrong with a text that has no host in it, and what to do. */
function fault_message(string $fault): string
{
    switch ($fault) {
        case 'invite':
            return __('This is an invite, which is for a reader. Enter the address of the host.', 'freespan-switch');
        case 'several':
            return __('This text has several addresses in it. Enter that of the host alone.', 'freespan-switch');
        case 'damaged':
            return __('This address was changed on its way: it was cut off, or a hyphen has become a dash. Copy it again.', 'freespan-switch');
        default:
            return __('This is not the address of a host. It looks like https://bridge.example.org/garden-7Fq2/.', 'freespan-switch');
    }
}

/** Whether this name stands for this computer. */
function is_loopback(string $name): bool
{
    return $name === 'localhost' || $name === '[::1]'
        || (strpos($name, '127.') === 0 && filter_var($name, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4) !== false);
}
