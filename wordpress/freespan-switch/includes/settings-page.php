<?php
/**
 * The page Settings → freespan switch.
 */

namespace FreespanSwitch;

defined('ABSPATH') || exit;

const PAGE = 'freespan-switch';

function add_settings_page(): void
{
    $title = __('freespan switch', 'freespan-switch');
    add_options_page($title, $title, 'manage_options', PAGE, __NAMESPACE__ . '\print_settings_page');
}

function settings_url(): string
{
    return admin_url('options-general.php?page=' . PAGE);
}

/**
 * The link beside "Deactivate" in the list of plugins.
 *
 * @param string[] $links
 * @return string[]
 */
function add_settings_link(array $links): array
{
    $link = sprintf('<a href="%s">%s</a>', esc_url(settings_url()), esc_html__('Settings', 'freespan-switch'));
    return array_merge([$link], $links);
}

/** The fields of the page, in three sections; called with the setting's registration. */
function add_settings_fields(): void
{
    add_settings_section('host', __('Host', 'freespan-switch'), __NAMESPACE__ . '\print_about_host', PAGE);
    add_field('host', 'host', __('Address of the host', 'freespan-switch'), 'print_host_field');
    add_field('host', 'everywhere', __('Where', 'freespan-switch'), 'print_everywhere_field');

    add_settings_section('switch', __('Look and behaviour', 'freespan-switch'), __NAMESPACE__ . '\print_about_switch', PAGE);
    add_settings_section('limits', __('Limits', 'freespan-switch'), __NAMESPACE__ . '\print_about_limits', PAGE);
    foreach (attributes() as $name => $rule) {
        $limit = isset($rule['min']) || $name === 'hours';
        add_field($limit ? 'limits' : 'switch', $name, $rule['title'], 'print_attribute_field');
    }
}

function add_field(string $section, string $name, string $title, string $printer): void
{
    $more = ['name' => $name, 'label_for' => field_id($name)];
    add_settings_field($name, esc_html($title), __NAMESPACE__ . '\\' . $printer, PAGE, $section, $more);
}

function field_id(string $name): string
{
    return 'freespan-switch-' . $name;
}

function print_settings_page(): void
{
    if (!current_user_can('manage_options')) {
        return;
    }
    echo '<div class="wrap"><h1>' . esc_html(get_admin_page_title()) . '</h1>';
    echo '<form action="options.php" method="post">';
    settings_fields(OPTION);
    do_settings_sections(PAGE);
    submit_button();
    echo '</form>';
    print_how_to_place();
    echo '</div>';
}

function print_how_to_place(): void
{
    echo '<h2>' . esc_html__('In one of your pages', 'freespan-switch') . '</h2><p>';
    esc_html_e('Insert the block “freespan switch”, or this shortcode. Attributes that you leave out are as above:', 'freespan-switch');
    echo '</p><p><code>[freespan layout="card" theme="dark" globe="yes"]</code></p><p>';
    esc_html_e('Attributes of the shortcode:', 'freespan-switch');
    foreach (array_keys(attributes()) as $name) {
        echo ' <code>' . esc_html($name) . '</code>';
    }
    echo '</p>';
}

function print_about_host(): void
{
    print_paragraph(__('The switch comes from a host: a server on which somebody runs “freespan serve”. Choose one that you trust: the browsers of your visitors load the switch from it. Until you enter an address here, your pages show no switch and load nothing.', 'freespan-switch'));
}

function print_about_switch(): void
{
    print_paragraph(__('For all switches that do not set it themselves.', 'freespan-switch'));
}

function print_about_limits(): void
{
    print_paragraph(__('For each visitor who turns the switch on. Visitors can set stricter limits for themselves.', 'freespan-switch'));
}

function print_host_field(): void
{
    $hint = __('What “freespan serve” prints: the line for pages, or the address in it. It begins with https://.', 'freespan-switch');
    // Not type="url", since the whole line may be pasted here.
    print_input('host', 'text', ['class' => 'large-text code', 'placeholder' => 'https://bridge.example.org/garden-7Fq2/']);
    print_hint('host', $hint);
}

function print_everywhere_field(): void
{
    print_select('everywhere', everywhere(), settings()['everywhere']);
    print_hint('everywhere', __('A page that already has a switch does not get this one.', 'freespan-switch'));
}

/** @param array{name: string} $field */
function print_attribute_field(array $field): void
{
    $name = $field['name'];
    $rule = attributes()[$name];
    $value = settings()[$name];
    if (isset($rule['choices'])) {
        print_select($name, $rule['choices'], $value === '' ? default_of($rule) : $value);
    } elseif (isset($rule['min'])) {
        print_input($name, 'number', ['class' => 'small-text', 'min' => $rule['min'], 'max' => $rule['max'], 'step' => 1]);
    } else {
        print_input($name, 'text', ['class' => 'regular-text', 'maxlength' => $rule['max_length'] ?? 40]);
    }
    print_hint($name, trim(($rule['hint'] ?? '') . ' ' . ($rule['empty'] ?? '')));
}

/** @param array<string, string|int> $attributes names and values of this plugin */
function print_input(string $name, string $type, array $attributes): void
{
    $all = ['type' => $type, 'id' => field_id($name), 'name' => OPTION . "[$name]", 'value' => settings()[$name]];
    $all += $attributes + ['aria-describedby' => field_id($name) . '-hint', 'autocomplete' => 'off', 'spellcheck' => 'false'];
    echo '<input';
    foreach ($all as $key => $value) {
        echo ' ' . esc_attr($key) . '="' . esc_attr((string) $value) . '"';
    }
    echo '>';
}

/** @param array<string, string> $choices value => text */
function print_select(string $name, array $choices, string $chosen): void
{
    $id = field_id($name);
    printf('<select id="%s" name="%s" aria-describedby="%s-hint">', esc_attr($id), esc_attr(OPTION . "[$name]"), esc_attr($id));
    foreach ($choices as $value => $text) {
        printf('<option value="%s"%s>%s</option>', esc_attr($value), selected($chosen, $value, false), esc_html($text));
    }
    echo '</select>';
}

function print_hint(string $name, string $hint): void
{
    printf('<p class="description" id="%s-hint">%s</p>', esc_attr(field_id($name)), esc_html($hint));
}

function print_paragraph(string $text): void
{
    echo '<p>' . esc_html($text) . '</p>';
}
