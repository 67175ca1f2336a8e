<?php
/**
 * Run by WordPress, on its own, when the plugin is deleted, so that nothing of it stays. The option is OPTION in includes/settings.php.
 */

defined('WP_UNINSTALL_PLUGIN') || exit;

if (is_multisite()) {
    foreach (get_sites(['fields' => 'ids', 'number' => 0]) as $freespan_site) {
        delete_blog_option($freespan_site, 'freespan_switch');
    }
} else {
    delete_option('freespan_switch');
}
