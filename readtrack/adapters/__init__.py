"""READ inside other people's pipelines: one file per host, which alone imports it."""
