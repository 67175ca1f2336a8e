<?php
/**
 * The host: the server that the switch comes from, and for which the browsers of visitors who turn it on are bridges.
 */

namespace FreespanSwitch;

use WP_Error;

defined('ABSPATH') || exit;

const HOST_MAX = 1000;

/**
 * A host's base URL, with a slash at its end, or an error that says why it is not one. The whole line for pages and the address of
 * switch.js are accepted as well, because `freespan serve` prints them.
 *
 * @return string|WP_Error
 */
function checked_host(string $text)
{
    $url = trim($text);
    if (preg_match('/<script\b[^>]*\bsrc="([^"]*)"/i', $url, $found)) {
        $url = $found[1];
    }
    $url = rtrim(preg_replace('~/switch\.js$~', '/', $url), '/');
    // Strict on purpose: what it accepts needs no escaping anywhere, though it is escaped all the same.
    $form = '~^(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?((?:/[a-z0-9._\~-]+)*)$~Di';
    if (strlen($url) > HOST_MAX || !preg_match($form, $url, $part) || preg_match('~/\.{1,2}(/|$)~', $part[4])) {
        return new WP_Error(
            'form',
            __('This is not the address of a host. It looks like https://bridge.example.org/garden-7Fq2/, without ? or #.', 'freespan-switch')
        );
    }
    [, $scheme, $name, $port, $path] = array_map('strtolower', array_slice($part, 0, 4)) + $part;
    if ($scheme !== 'https' && !is_loopback($name)) {
        return new WP_Error(
            'scheme',
            __('The address of the host must begin with https://. Only a host on this computer may do without.', 'freespan-switch')
        );
    }
    return "$scheme://$name$port$path/";
}

/** Whether this name stands for this computer. */
function is_loopback(string $name): bool
{
    return $name === 'localhost' || $name === '[::1]'
        || (strpos($name, '127.') === 0 && filter_var($name, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4) !== false);
}
