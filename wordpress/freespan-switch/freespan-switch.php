<?php
/**
 * Plugin Name:       freespan switch
 * Description:       A switch with which your visitors help readers in censored networks: as a block, as a shortcode, or on every page.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       freespan-switch
 * Domain Path:       /languages
 *
 * Apache-2.0 is compatible with version 3 of the GNU General Public License, and WordPress is under "version 2 or, at your option,
 * any later version": the two may be used and passed on together under version 3.
 *
 * attributes.php lists the attributes of a switch, paste.php finds the host in
 * what was pasted, host.php checks it, settings.php stores the settings and settings-page.php
 * shows them, markup.php is the only file that writes HTML for visitors, block.php has the block, and privacy.php the suggested text.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

const PLUGIN_FILE = __FILE__;

require __DIR__ . '/includes/attributes.php';
require __DIR__ . '/includes/paste.php';
require __DIR__ . '/includes/host.php';
require __DIR__ . '/includes/settings.php';
require __DIR__ . '/includes/settings-page.php';
require __DIR__ . '/includes/markup.php';
require __DIR__ . '/includes/block.php';
require __DIR__ . '/includes/privacy.php';

add_action('init', function () {
    load_plugin_textdomain('freespan-switch', false, dirname(plugin_basename(PLUGIN_FILE)) . '/languages');
    add_shortcode('freespan', __NAMESPACE__ . '\shortcode');
    register_block();
});
add_action('wp_footer', __NAMESPACE__ . '\print_switch_of_every_page');
add_filter('script_loader_tag', __NAMESPACE__ . '\as_module', 10, 3);

add_action('admin_menu', __NAMESPACE__ . '\add_settings_page');
add_action('admin_init', __NAMESPACE__ . '\register_settings');
add_action('admin_init', __NAMESPACE__ . '\suggest_privacy_text');
add_action('enqueue_block_editor_assets', __NAMESPACE__ . '\pass_to_editor');
add_filter('plugin_action_links_' . plugin_basename(PLUGIN_FILE), __NAMESPACE__ . '\add_settings_link');
