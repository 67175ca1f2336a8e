<?php
/**
 * The block. What visitors get is made here, at each view; the editor shows a picture of a switch, which contacts nobody.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

function register_block(): void
{
    $text = ['type' => 'string', 'default' => ''];
    register_block_type(
        dirname(PLUGIN_FILE) . '/block',
        [
            'attributes' => array_fill_keys(array_keys(attributes()), $text),
            'render_callback' => __NAMESPACE__ . '\block_markup',
        ]
    );
}

/** @param array<string, mixed> $given the block's attributes, and those of WordPress itself */
function block_markup(array $given): string
{
    $markup = switch_markup(array_intersect_key($given, attributes()));
    return $markup === '' ? '' : sprintf('<div %s>%s</div>', get_block_wrapper_attributes(), $markup);
}

/** Pass the list of attributes and all texts to block/editor.js, so that they exist only once. */
function pass_to_editor(): void
{
    $fields = [];
    foreach (attributes() as $name => $rule) {
        $fields[] = [
            'name' => $name,
            'title' => $rule['title'],
            'hint' => $rule['hint'] ?? '',
            'choices' => array_map(null, array_map('strval', array_keys($rule['choices'] ?? [])), array_values($rule['choices'] ?? [])),
            'min' => $rule['min'] ?? null,
            'max' => $rule['max'] ?? null,
            'maxLength' => $rule['max_length'] ?? 40,
        ];
    }
    $data = [
        'fields' => $fields,
        'defaults' => array_intersect_key(settings(), attributes()),
        'settings' => current_user_can('manage_options') ? settings_url() : '',
        'ready' => host() !== '',
        'strings' => [
            'panel' => __('Switch', 'freespan-switch'),
            'asInSettings' => __('As in the settings', 'freespan-switch'),
            'picture' => __('The switch will be here.', 'freespan-switch'),
            'noHost' => __('Nothing is shown to visitors yet: the plugin has no host.', 'freespan-switch'),
            'toSettings' => __('Settings', 'freespan-switch'),
        ],
    ];
    $script = 'window.freespanSwitch = ' . wp_json_encode($data, JSON_HEX_TAG | JSON_HEX_AMP) . ';';
    wp_add_inline_script(generate_block_asset_handle('freespan/switch', 'editorScript'), $script, 'before');
}
