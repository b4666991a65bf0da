"""Static files as a served site has them: named after their content, compressed, kept by browsers for good."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class Storage(CompressedManifestStaticFilesStorage):
    """Modules name each other by their hashed names too, so that no page mixes two releases."""

    support_js_module_import_aggregation = True
    # One for each floor of modules that import modules.
    max_post_process_passes = 20
