<?php
/**
 * What editor.js needs of WordPress's scripts.
 */

return [
    'dependencies' => ['wp-block-editor', 'wp-blocks', 'wp-components', 'wp-element'],
    'version' => '0.1.0',
];
